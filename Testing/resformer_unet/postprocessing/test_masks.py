"""From mask probabilities to clean masks on the slices' own pixels."""

from __future__ import annotations

import numpy as np
import pytest

from resformer_unet.postprocessing import masks as postprocess
from resformer_unet.postprocessing.masks import masks_on_slices
from resformer_unet.preprocessing.letterbox import Letterbox

KEEP_ALL = {
    "exclusive": False, "threshold": 0.5, "min_area_mm2": 0, "min_area_fraction": 0, "fill_holes": False,
    "keep_largest": "none", "min_slices": 1,
}  # fmt: skip


def same_size(rows: int = 12, columns: int = 16) -> Letterbox:
    return Letterbox.fit(rows, columns, 1, 1, (rows, columns))


def test_what_exceeds_the_threshold_is_inside():
    probabilities = np.zeros((1, 2, 12, 16), np.float32)
    probabilities[0, 0, 2:5] = 0.31
    probabilities[0, 1, 4:9] = 0.29
    masks = masks_on_slices(probabilities, same_size(), {**KEEP_ALL, "threshold": 0.3})
    assert masks.shape == (1, 2, 12, 16) and masks.dtype == bool
    assert np.flatnonzero(masks[0, 0].any(1)).tolist() == [2, 3, 4]
    assert not masks[0, 1].any()


def test_overlapping_segments_may_share_pixels():
    masks = masks_on_slices(np.full((1, 2, 12, 16), 0.9, np.float32), same_size(), KEEP_ALL)
    assert masks.all()


def test_of_exclusive_segments_the_likeliest_wins_even_below_one_half():
    probabilities = np.tile(np.float32([0.3, 0.45, 0.25]).reshape(1, 3, 1, 1), (1, 1, 12, 16))
    probabilities[:, :, :6] = np.float32([0.6, 0.3, 0.1]).reshape(1, 3, 1, 1)  # the background's rows
    masks = masks_on_slices(probabilities, same_size(), {**KEEP_ALL, "exclusive": True})
    assert masks.shape == (1, 2, 12, 16)
    assert not masks[:, :, :6].any() and masks[:, 0, 6:].all() and not masks[:, 1].any()


@pytest.mark.parametrize("exclusive", [False, True])
def test_a_huge_picture_is_brought_back_in_strips_without_a_seam(monkeypatch, exclusive):
    letterbox = Letterbox.fit(301, 203, 1, 1, (48, 40))
    probabilities = np.random.default_rng(0).random((2, 3, 48, 40), np.float32)
    segmentation = {**KEEP_ALL, "exclusive": exclusive}
    whole = masks_on_slices(probabilities, letterbox, segmentation)
    monkeypatch.setattr(postprocess, "STRIP", 203 * 2 * 3 * 17)
    assert np.mean(masks_on_slices(probabilities, letterbox, segmentation) != whole) < 1e-4


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("field_of_view_mm", [None, (40.0, 25.0)])
def test_rows_that_are_left_out_hold_nothing(exclusive, field_of_view_mm):
    random = np.random.default_rng(2)
    found = 0
    for _ in range(60):
        size, (rows, columns) = tuple(random.integers(16, 70, 2).tolist()), random.integers(8, 150, 2).tolist()
        letterbox = Letterbox.fit(rows, columns, *random.uniform(0.3, 3, 2), size, field_of_view_mm)
        probabilities = 0.45 * random.random((2, 2 + exclusive, *size), np.float32)
        probabilities[:, : int(exclusive)] += 0.5
        for answer in probabilities[:, int(exclusive) :]:
            first, last = sorted(random.integers(0, size[0] + 1, 2).tolist())
            answer[:, first:last] += 0.6 * (random.random((2, last - first, size[1])) < 0.1)
        masks = masks_on_slices(probabilities, letterbox, {**KEEP_ALL, "exclusive": exclusive})
        everywhere = letterbox.inverse(probabilities)
        winner = everywhere.argmax(1)[:, None] == np.array([1, 2]).reshape(1, 2, 1, 1)
        assert np.array_equal(masks, winner if exclusive else everywhere > 0.5)
        found += masks.sum()
    assert found > 1000
