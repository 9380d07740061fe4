"""Measurements of masks, against shapes of known size and against scikit-image."""

from __future__ import annotations

import time

import numpy as np
import pytest
from skimage.measure import regionprops

from resformer_unet.postprocessing.measurements import feret_diameter, largest_lesion, longest_diameters


def disc(radius: float, size: int = 64, center: tuple[float, float] = (31.0, 31.0)) -> np.ndarray:
    rows, columns = np.indices((size, size))
    return np.hypot(rows - center[0], columns - center[1]) <= radius


def stack(*masks: np.ndarray) -> np.ndarray:
    """(n, 1, rows, columns) of one segment's slices."""
    return np.stack(masks)[:, None]


def test_a_disc_is_as_long_as_its_diameter():
    (diameter,) = longest_diameters(stack(disc(20)), (1.0, 1.0))[:, 0]
    assert diameter == pytest.approx(41, abs=0.5)


def test_millimetres_of_rows_and_columns_count_apart():
    bar = np.zeros((64, 64), bool)
    bar[30, 10:40] = True
    assert longest_diameters(stack(bar, bar.T), (2.0, 0.5)).ravel() == pytest.approx([15.0, 60.0], abs=0.1)


def test_two_lesions_in_a_slice_are_not_measured_as_one():
    two = disc(5, center=(10, 10)) | disc(9, center=(45, 45))
    assert longest_diameters(stack(two), (1.0, 1.0))[0, 0] == pytest.approx(19, abs=0.5)


@pytest.mark.parametrize(
    ("pixel_mm", "expected"),
    [((1.0, 1.0), np.sqrt(2**2 + 5**2)), ((2.0, 0.5), np.sqrt((3 * 2) ** 2 + (4 * 0.5) ** 2))],
)
def test_a_rectangle_is_measured_between_the_middles_of_its_outer_pixel_edges(pixel_mm, expected):
    rectangle = np.zeros((12, 12), bool)
    rectangle[3:6, 4:9] = True  # three by five pixels
    assert feret_diameter(rectangle, pixel_mm) == pytest.approx(expected)
    assert longest_diameters(stack(rectangle), pixel_mm)[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(("pixel_mm", "expected"), [((4.0, 0.25), 24.0), ((1.0, 4.0), 80.0), ((0.5, 1.0), 20.0)])
def test_of_two_components_the_one_that_is_longer_in_millimetres_counts(pixel_mm, expected):
    masks = np.zeros((30, 30), bool)
    masks[2, 2:22] = True  # one by twenty pixels
    masks[10:16, 5] = True  # six by one
    assert longest_diameters(stack(masks), pixel_mm)[0, 0] == pytest.approx(expected)
    assert longest_diameters(stack(masks.T), pixel_mm[::-1])[0, 0] == pytest.approx(expected)


def test_an_empty_slice_has_no_diameter_and_segments_are_measured_apart():
    masks = np.stack([stack(disc(5), disc(0) & False), stack(disc(8), disc(9))], 1)[:, :, 0]
    diameters = longest_diameters(masks, (1.0, 1.0))
    assert diameters.shape == (2, 2) and diameters[1, 0] == 0
    assert diameters[0].tolist() == pytest.approx([11, 17], abs=0.5)


def test_the_diameter_is_that_of_scikit_image_to_within_a_pixel():
    random = np.random.default_rng(0)
    for _ in range(5):
        blob = np.zeros((50, 60), bool)
        for row, column in random.integers(12, 38, (4, 2)):
            blob |= np.hypot(*(np.indices(blob.shape).T - (row, column)).T) < random.integers(4, 10)
        (region,) = regionprops(blob.astype(np.uint8))
        assert feret_diameter(blob, (1.0, 1.0)) == pytest.approx(region.feret_diameter_max, abs=1.0)


def test_a_single_pixel_has_the_size_of_a_pixel():
    one = np.zeros((9, 9), bool)
    one[4, 4] = True
    assert longest_diameters(stack(one), (0.5, 0.5))[0, 0] == pytest.approx(0.5)


def test_the_largest_lesion_is_the_largest_connected_component_of_any_segment():
    masks = np.zeros((6, 2, 40, 40), bool)
    masks[0, 0, 2:12, 2:12] = True  # 100
    masks[2:6, 1, 20:26, 20:26] = True  # 144
    found = largest_lesion(masks)
    assert (found.segment, found.voxels) == (1, 144)
    assert masks[found.center[0], 1, found.center[1], found.center[2]]


def test_components_that_meet_at_a_corner_across_slices_are_one_lesion():
    masks = np.zeros((2, 1, 20, 20), bool)
    masks[0, 0, 2:5, 2:5] = masks[1, 0, 5:8, 5:8] = True
    assert largest_lesion(masks).voxels == 18


def test_the_centre_of_a_ring_lies_in_the_ring_in_the_slice_where_it_is_largest():
    small, large = (disc(radius) & ~disc(radius - 4) for radius in (10, 20))
    found = largest_lesion(stack(small, large, small & disc(9)))
    assert found.center[0] == 1 and large[found.center[1:]]


def test_the_centre_of_a_lesion_is_the_pixel_nearest_to_its_centroid():
    masks = np.zeros((5, 1, 30, 40), bool)
    masks[2, 0, 10:15, 20:29] = masks[3, 0, 11:14, 20:29] = True
    assert largest_lesion(masks).center == (2, 12, 24)


def test_where_all_masks_are_empty_there_is_no_largest_lesion():
    assert largest_lesion(np.zeros((3, 2, 20, 20), bool)) is None


def test_a_large_volume_takes_a_few_seconds():
    masks = np.zeros((200, 1, 512, 512), bool)
    masks[:, 0, 100:400, 150:350] = True
    masks[::3, 0, 20:40, 20:40] = True
    started = time.process_time()
    assert longest_diameters(masks, (0.5, 0.5))[100, 0] == pytest.approx(np.hypot(150, 100), abs=0.6)
    assert largest_lesion(masks).center[0] == 0
    assert time.process_time() - started < 8
