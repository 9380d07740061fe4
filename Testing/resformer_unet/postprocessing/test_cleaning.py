"""Masks without holes and small parts, as the descriptor asks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_fill_holes

from resformer_unet.postprocessing.cleaning import clean_masks, clean_slices, segments_are_independent
from resformer_unet.postprocessing.components import Components

KEEP_ALL = {
    "exclusive": False, "threshold": 0.5, "min_area_mm2": 0, "min_area_fraction": 0, "fill_holes": False,
    "keep_largest": "none", "min_slices": 1,
}  # fmt: skip


def blobs() -> np.ndarray:
    """One slice with blobs of 16, 4 and 1 pixels, the first with a hole of one more."""
    masks = np.zeros((1, 1, 20, 20), bool)
    masks[0, 0, 1:5, 1:5] = True
    masks[0, 0, 2, 2] = False
    masks[0, 0, 10:12, 10:12] = True
    masks[0, 0, 17, 17] = True
    return masks


def pixels_left(pixel_mm2: float | None = 1.0, masks: np.ndarray | None = None, **changes) -> int:
    return int(clean_masks(blobs() if masks is None else masks, {**KEEP_ALL, **changes}, pixel_mm2).sum())


def test_nothing_is_changed_unless_the_descriptor_asks_for_it():
    assert np.array_equal(clean_masks(blobs(), KEEP_ALL, 1.0), blobs())


def test_holes_are_filled():
    assert pixels_left(fill_holes=True) == 16 + 4 + 1


def test_the_holes_are_those_of_scipy():
    random = np.random.default_rng(5)
    masks = random.random((60, 1, 15, 18)) < random.choice([0.4, 0.5, 0.6], (60, 1, 1, 1))
    expected = np.stack([binary_fill_holes(mask) for (mask,) in masks])
    assert (expected != masks[:, 0]).any()
    assert np.array_equal(clean_masks(masks.copy(), {**KEEP_ALL, "fill_holes": True}, 1.0)[:, 0], expected)


def test_what_opens_to_the_outside_is_no_hole():
    masks = np.zeros((1, 1, 20, 20), bool)
    masks[0, 0, 5:10, 5:10] = True
    masks[0, 0, 6:10, 7] = False
    assert pixels_left(masks=masks, fill_holes=True) == 21


def test_components_below_the_smallest_area_in_square_millimetres_are_dropped():
    assert pixels_left(1.0, min_area_mm2=4) == 15 + 4
    assert pixels_left(0.25, min_area_mm2=4) == 0  # 16 pixels would be needed, the largest has 15
    assert pixels_left(0.25, min_area_mm2=4, fill_holes=True) == 16
    assert pixels_left(4.0, min_area_mm2=4) == 20


def test_without_millimetres_the_share_of_the_slice_counts():
    assert pixels_left(None, min_area_mm2=1000, min_area_fraction=4 / 400) == 15 + 4
    assert pixels_left(None, min_area_fraction=0.0) == 20


def test_only_the_largest_component_of_each_slice_is_kept():
    masks = np.concatenate([blobs(), np.roll(blobs(), 3, axis=3)])
    assert pixels_left(masks=masks, keep_largest="slice") == 2 * 15


def test_only_the_largest_component_of_the_whole_image_is_kept():
    masks = np.zeros((6, 1, 20, 20), bool)
    masks[0, 0, 2:10, 2:10] = True  # the largest area, in one slice
    masks[2:5, 0, 2:8, 2:8] = True  # the largest volume
    assert pixels_left(masks=masks.copy(), keep_largest="image") == 3 * 36
    assert pixels_left(masks=masks[:1].copy(), keep_largest="image") == 64


def test_the_largest_component_is_chosen_among_those_that_extend_through_enough_slices():
    masks = np.zeros((6, 1, 20, 20), bool)
    masks[0, 0, 2:18, 2:18] = True
    masks[2:4, 0, 2:6, 2:6] = True
    assert pixels_left(masks=masks, keep_largest="image", min_slices=2) == 2 * 16


def test_components_that_touch_at_a_corner_are_one():
    masks = np.zeros((1, 1, 20, 20), bool)
    masks[0, 0, 3:5, 3:5] = masks[0, 0, 5:7, 5:7] = True
    assert pixels_left(masks=masks, min_area_mm2=8) == 8


def test_components_that_extend_through_too_few_slices_are_dropped():
    masks = np.zeros((6, 1, 20, 20), bool)
    masks[1:4, 0, 2:6, 2:6] = True  # three slices
    masks[4, 0, 12:16, 12:16] = True  # one slice
    assert pixels_left(masks=masks.copy(), min_slices=3) == 3 * 16
    assert pixels_left(masks=masks.copy(), min_slices=4) == 0


def test_a_picture_need_not_extend_through_more_slices_than_it_has():
    assert pixels_left(min_slices=3) == 20


def ring_around(inner: bool) -> np.ndarray:
    """A ring (segment 0) around another one (segment 1) if ``inner``, with one pixel of background in the middle."""
    masks = np.zeros((1, 2, 11, 11), bool)
    masks[0, 0, 1:10, 1:10] = True
    masks[0, 0, 3:8, 3:8] = False
    if inner:
        masks[0, 1, 3:8, 3:8] = True
        masks[0, 1, 5, 5] = False
    return masks


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_exclusive_segments_fill_holes_of_background_and_leave_other_segments_their_pixels(order):
    cleaned = clean_masks(ring_around(inner=True)[:, order], {**KEEP_ALL, "exclusive": True, "fill_holes": True}, 1.0)
    ring, inner = cleaned[0, order]
    assert np.array_equal(ring, ring_around(inner=True)[0, 0])
    assert inner.sum() == 25 and not (ring & inner).any()
    cleaned = clean_masks(ring_around(inner=False), {**KEEP_ALL, "exclusive": True, "fill_holes": True}, 1.0)
    assert cleaned[0, 0].sum() == 81


def test_overlapping_segments_fill_all_their_holes():
    cleaned = clean_masks(ring_around(inner=True), {**KEEP_ALL, "fill_holes": True}, 1.0)
    assert cleaned.sum((2, 3)).tolist() == [[81, 25]]


def test_an_exclusive_segment_fills_the_one_hole_that_is_empty_and_not_the_other():
    masks = np.zeros((1, 2, 9, 16), bool)
    masks[0, 0, 1:8, 1:15] = True
    masks[0, 0, 3:6, 3:6] = masks[0, 0, 3:6, 9:12] = False
    masks[0, 1, 4, 4] = True
    cleaned = clean_masks(masks, {**KEEP_ALL, "exclusive": True, "fill_holes": True}, 1.0)
    assert cleaned[0, 0].sum() == 7 * 14 - 9 and cleaned[0, 0, 3:6, 9:12].all()


def test_each_segment_is_cleaned_by_itself():
    masks = np.concatenate([blobs(), np.zeros_like(blobs()), ~blobs()], axis=1)
    cleaned = clean_masks(masks, {**KEEP_ALL, "min_area_mm2": 4}, 1.0)
    assert cleaned[0, 0].sum() == 19 and not cleaned[0, 1].any() and cleaned[0, 2].sum() == 400 - 20 - 1


def test_an_empty_mask_stays_empty():
    everything = {"fill_holes": True, "keep_largest": "image", "min_slices": 2, "min_area_mm2": 5}
    assert pixels_left(masks=np.zeros((3, 2, 9, 9), bool), **everything) == 0


def ragged(segments: int) -> np.ndarray:
    """12 slices of components and holes of every size."""
    random = np.random.default_rng(segments)
    coarse = random.random((12, segments, 10, 12)) < 0.45
    return coarse.repeat(3, 2).repeat(3, 3) & (random.random((12, segments, 30, 36)) < 0.9)


def linked(masks: np.ndarray) -> list[Components]:
    return [Components(masks[:, segment]) for segment in range(masks.shape[1])]


@pytest.mark.parametrize("segments", [1, 3])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("keep_largest", ["none", "slice", "image"])
def test_slices_cleaned_one_by_one_beforehand_come_to_the_same(segments, exclusive, keep_largest):
    asked = {"fill_holes": True, "min_area_mm2": 12, "min_slices": 3, "keep_largest": keep_largest}
    segmentation, masks = {**KEEP_ALL, "exclusive": exclusive, **asked}, ragged(segments)
    if exclusive:
        masks &= np.cumsum(masks, 1) == 1
    expected, early = clean_masks(masks.copy(), segmentation, 1.0), masks.copy()
    for index in range(len(masks)):
        for segment in range(segments):
            clean_slices(early[index : index + 1], segment, segmentation, 1.0)
    early = clean_masks(early, segmentation, 1.0, found=linked(early))
    assert 0 < expected.sum() < masks.sum() * 1.1
    if segments_are_independent(segments, segmentation):
        assert np.array_equal(early, expected)


def test_segments_that_exclude_each_other_depend_on_each_other():
    """A hole is filled once what lay in it was removed from the volume, not before."""
    asked = {**KEEP_ALL, "exclusive": True, "fill_holes": True, "min_slices": 2}
    masks = np.zeros((3, 2, 20, 20), bool)
    masks[:, 1, 5:12, 5:12] = True
    masks[1, :, 8, 8] = [True, False]  # in a single slice
    early = masks.copy()
    for segment in range(2):
        clean_slices(early, segment, asked, 1.0)
    early = clean_masks(early, asked, 1.0, found=linked(early))
    expected = clean_masks(masks, asked, 1.0)
    assert not segments_are_independent(2, asked)
    assert expected[1, 1, 8, 8] and not early[1, 1, 8, 8]
