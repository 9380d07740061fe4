"""Post-processing of masks: smoothing, filling of holes and removal of small components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter, label

from resformer_unet.postprocessing.components import CORNERS_TOUCH, Components, bounding_box

REACH = 4.0  # standard deviations that the Gaussian is carried out to


def smooth_masks(masks: np.ndarray, sigma: tuple[float, float], exclusive: bool) -> np.ndarray:
    """Smooth the masks of all slices by a Gaussian, decided anew at one half; changes ``masks`` in place.

    What is thinner than about the standard deviation vanishes. Straight edges stay where they are. Pixels at the border
    of the image are repeated beyond it, so that a mask that touches the border still does.

    Args:
        masks: bool (n, segments, rows, columns).
        sigma: standard deviations of the Gaussian along rows and along columns, in pixels.
        exclusive: if true, a pixel belongs to the segment with the largest smoothed value, if that exceeds the
            background's; if false, to each segment with a smoothed value above one half.
    """
    margin = [int(np.ceil(REACH * width)) for width in sigma]
    for slice_masks in masks:
        present = slice_masks.any((1, 2))
        if not present.any():
            continue
        box = tuple(
            slice(max(0, side.start - more), side.stop + more)
            for side, more in zip(bounding_box(slice_masks.any(0)), margin, strict=True)
        )
        smoothed = np.stack(
            [
                gaussian_filter(mask[box].astype(np.float32), sigma, mode="nearest", truncate=REACH)
                for mask in slice_masks[present]
            ]
        )
        if exclusive:
            background = 1 - smoothed.sum(0, keepdims=True)
            winner = np.concatenate([background, smoothed]).argmax(0)
            chosen = winner == np.arange(1, len(smoothed) + 1)[:, None, None]
        else:
            chosen = smoothed > 0.5
        slice_masks[(present, *box)] = chosen
    return masks


def clean_masks(
    masks: np.ndarray,
    segmentation: Mapping,
    pixel_mm2: float | None,
    open_ends: tuple[bool, bool] = (False, False),
    found: Sequence[Components] | None = None,
) -> np.ndarray:
    """Fill holes and remove small components, as the descriptor says; changes ``masks`` in place.

    Args:
        masks: bool (n, segments, rows, columns), all slices of an image, or a range of them.
        segmentation: ``segmentation`` of the model descriptor: ``fill_holes``, ``min_area_mm2`` or, for pictures
            of unknown pixel size, ``min_area_fraction`` of the slice; ``min_slices`` that a component of a volume must
            extend through; ``keep_largest`` component of each ``slice``, of the whole ``image``, or ``none``. A hole
            of an ``exclusive`` segment is filled only if no other segment lies in it.
        pixel_mm2: area of a pixel, or ``None`` if it is not known.
        open_ends: whether the image continues before the first and behind the last slice, which were left out. A
            component that touches an open end may continue there, and is not removed for extending through too few
            slices.
        found: of each segment, the components of its slices if :func:`clean_slices` has done its part for all of them;
            only where the slices of one do not depend on another's (:func:`segments_are_independent`).
    """
    count, segments = masks.shape[:2]
    for segment in range(segments):
        mask = masks[:, segment]
        if found is None:
            clean_slices(masks, segment, segmentation, pixel_mm2)
        if looks_through_volume(segmentation, count):
            components = Components(mask) if found is None else found[segment]
            fewest, largest = min(segmentation["min_slices"], count), segmentation["keep_largest"] == "image"
            _keep_solid(mask, components, fewest, largest, open_ends)
    return masks


def clean_slices(masks: np.ndarray, segment: int, segmentation: Mapping, pixel_mm2: float | None) -> None:
    """The part of :func:`clean_masks` that looks at each slice alone, for one segment."""
    rows, columns = masks.shape[2:]
    smallest = (
        segmentation["min_area_mm2"] / pixel_mm2 if pixel_mm2 else segmentation["min_area_fraction"] * rows * columns
    )
    for slice_masks in masks:
        mask = slice_masks[segment]
        if mask.any():
            others = slice_masks.any(0) & ~mask if segmentation["exclusive"] else None
            slice_masks[segment] = _clean_slice(mask, others, segmentation, smallest)


def segments_are_independent(segments: int, segmentation: Mapping) -> bool:
    """Whether :func:`clean_slices` gives the same before and after other segments were cleaned in the volume."""
    return segments == 1 or not segmentation["exclusive"]


def looks_through_volume(segmentation: Mapping, slices: int) -> bool:
    """Whether :func:`clean_masks` needs the components of so many slices together."""
    return min(segmentation["min_slices"], slices) > 1 or segmentation["keep_largest"] == "image"


def _keep_solid(
    mask: np.ndarray, components: Components, slices: int, largest: bool, open_ends: tuple[bool, bool]
) -> None:
    """Keep the components that extend through enough slices, in place; ``largest``: only the largest of these."""
    may_continue = (open_ends[0] & (components.first == 0)) | (open_ends[1] & (components.last == len(mask) - 1))
    chosen = may_continue | (components.last - components.first + 1 >= slices)
    if largest and chosen.any():
        chosen &= np.arange(len(components)) == np.where(chosen, components.sizes, 0).argmax()
    components.keep(mask, chosen)


def _clean_slice(mask: np.ndarray, others: np.ndarray | None, segmentation: Mapping, smallest: float) -> np.ndarray:
    box = bounding_box(mask)
    inside = mask[box]
    if segmentation["fill_holes"]:
        inside = _fill_holes(inside, None if others is None else others[box])
    labels, _ = label(inside, CORNERS_TOUCH)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    keep = areas >= max(smallest, 1)
    if segmentation["keep_largest"] == "slice":
        keep &= np.arange(len(areas)) == areas.argmax()
    cleaned = np.zeros_like(mask)
    cleaned[box] = keep[labels]
    return cleaned


def _fill_holes(mask: np.ndarray, others: np.ndarray | None) -> np.ndarray:
    """The mask with its holes, but for those that ``others`` have pixels in. (SciPy's ``binary_fill_holes`` gives the
    same, takes four times as long, and does not tell one hole from another.)
    """
    background, count = label(np.pad(~mask, 1, constant_values=True))  # background that meets at a corner is separate
    background = background[1:-1, 1:-1]
    filled = np.ones(count + 1, bool)  # of 0, the mask itself, and of the holes
    filled[1] = False  # the outside, which begins in the padding's first corner
    if others is not None:
        filled[background[others]] = False
    return filled[background]
