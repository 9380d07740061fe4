"""Images as another device might have taken them."""

import numpy as np
import pytest

from helpers.synthetic_images import oblique_affine, volume
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.training.input.acquisition import FIELD_OF_VIEW, varied_acquisition


@pytest.fixture
def image():
    return image_from_array(volume(), oblique_affine(), "head")


def test_the_kind_of_values_and_their_range_stay(image):
    for seed in range(8):
        varied = varied_acquisition(image, np.random.default_rng(seed))
        assert varied.voxels.dtype == image.voxels.dtype
        assert image.voxels.min() <= varied.voxels.min() and varied.voxels.max() <= image.voxels.max()


def test_the_field_of_view_differs_by_no_more_than_is_allowed(image):
    shapes = {varied_acquisition(image, np.random.default_rng(seed)).shape for seed in range(8)}
    assert len(shapes) > 2
    for slices, rows, columns in shapes:
        assert slices == image.shape[0]
        assert (
            abs(rows / image.shape[1] - 1) <= 2 * FIELD_OF_VIEW + 0.1
            and abs(columns / image.shape[2] - 1) <= 2 * FIELD_OF_VIEW + 0.1
        )


def test_the_same_random_numbers_give_the_same_image(image):
    first, second = (varied_acquisition(image, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.voxels, second.voxels)


def test_an_image_of_one_value_is_left_alone(image):
    flat = image_from_array(np.full((2, 20, 20), 7, np.uint8), np.eye(4), "flat")
    assert varied_acquisition(flat, np.random.default_rng(0)) is flat
