"""Post-processing by its values: what smoothing leaves, which components may continue outside, which is longest."""

from __future__ import annotations

import numpy as np
import pytest

from resformer_unet.postprocessing.cleaning import clean_masks, smooth_masks
from resformer_unet.postprocessing.measurements import longest_diameters

NOTHING = {
    "fill_holes": False, "min_area_mm2": 0, "min_area_fraction": 0, "min_slices": 1, "keep_largest": "none",
    "exclusive": False,
}  # fmt: skip


@pytest.mark.parametrize("exclusive", [False, True])
def test_smoothing_keeps_a_square_and_removes_a_pixel_and_a_pinhole(exclusive):
    masks = np.zeros((1, 2, 32, 32), bool)
    masks[0, 0, 6:18, 6:18] = True
    square = masks[0, 0].copy()
    masks[0, 0, 11, 11] = False
    masks[0, 0, 26, 26] = True
    smoothed = smooth_masks(masks, (1.0, 1.0), exclusive)[0, 0]
    assert smoothed[7:17, 7:17].all() and smoothed[6, 10:14].all()
    assert not (smoothed & ~square).any()
    assert not masks[0, 1].any()


@pytest.mark.parametrize(
    ("open_ends", "kept"),
    [((False, False), []), ((True, False), [0]), ((False, True), [4]), ((True, True), [0, 4])],
)
def test_only_what_touches_an_open_end_may_be_thinner_than_the_fewest_slices(open_ends, kept):
    masks = np.zeros((5, 1, 16, 16), bool)
    masks[0, 0, 1:4, 1:4] = masks[4, 0, 12:15, 12:15] = True
    masks[1:3, 0, 7:9, 7:9] = True  # touches neither end
    cleaned = clean_masks(masks, {**NOTHING, "min_slices": 3}, 1.0, open_ends)
    assert np.flatnonzero(cleaned.any((1, 2, 3))).tolist() == kept


def test_the_longest_diameter_is_measured_in_millimetres_and_not_in_pixels():
    masks = np.zeros((1, 1, 30, 60), bool)
    masks[0, 0, 2:12, 2] = True  # 10 mm high
    masks[0, 0, 20, 5:45] = True  # 40 pixels, 20 mm wide
    assert longest_diameters(masks, (1.0, 0.5))[0, 0] == pytest.approx(20, abs=0.6)
    assert longest_diameters(masks, (3.0, 0.5))[0, 0] == pytest.approx(30, abs=0.6)
