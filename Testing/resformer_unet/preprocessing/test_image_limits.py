"""The limits of an image and the warning about them, by their values."""

from __future__ import annotations

import numpy as np
import pytest

from resformer_unet.preprocessing.intensity import image_limits, intensity_range_warning

PERCENTILE = {"method": "percentile", "lower": 1, "upper": 99, "scope": "image"}
FIXED = {"method": "fixed", "lower": 0, "upper": 20}


def test_an_image_without_a_finite_value_gets_the_unit_range():
    assert image_limits(np.full((2, 8, 8, 1), np.nan), PERCENTILE) == (0.0, 1.0)


def test_an_image_of_one_value_gets_a_range_of_one_above_it():
    assert image_limits(np.full((2, 8, 8, 1), 7, np.uint8), PERCENTILE) == (7.0, 8.0)


def test_of_sixteen_million_pixels_every_fourth_along_rows_and_columns_is_looked_at():
    voxels = np.full((1, 4000, 4000, 1), 10, np.uint8)
    voxels[:, ::4, ::4] = 50
    voxels[:, ::16, ::16] = 100
    assert image_limits(voxels, PERCENTILE) == (50.0, 100.0)


@pytest.mark.parametrize(
    ("value", "finding"),
    [
        (22, None),  # 1.1 times the upper limit, which filters and resampling may add
        (23, "100 % of the values lie outside"),
        (2, None),
        (1, "the brightest pixel reaches only 5 % of it"),
    ],
)
def test_values_up_to_a_tenth_beyond_the_range_are_taken_for_resampling(value, finding):
    voxels = np.full((1, 10, 10, 1), value, np.int16)
    found = intensity_range_warning(voxels, FIXED, image_limits(voxels, FIXED))
    assert len(found) == (finding is not None)
    assert finding is None or finding in found[0]["message"]


def test_one_bright_pixel_is_named_by_its_value():
    voxels = np.full((1, 10, 10, 1), 15, np.int16)
    voxels[0, 3, 4] = 30
    (row,) = intensity_range_warning(voxels, FIXED, (0.0, 20.0))
    assert "from 0 (black) to 20 (white)" in row["message"] and "brightest pixel reaches 30" in row["message"]


@pytest.mark.parametrize("shape", [(2, 1024, 1024), (3, 2048, 2048), (1024, 2, 1024), (9, 1200, 1200)])
def test_every_one_of_a_few_large_slices_counts(shape):
    axis = int(np.argmin(shape))
    for index in range(shape[axis]):
        voxels = np.zeros((*shape, 1), np.uint8)
        voxels[(slice(None),) * axis + (index,)] = 100
        assert image_limits(voxels, PERCENTILE) == (0.0, 100.0), index
