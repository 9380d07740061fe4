"""Post-processing of masks, slice by slice and through a volume: smoothing, filling of holes, removal of small parts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import gaussian_filter, label

from resformer_unet.postprocessing.bounding_box import bounding_box
from resformer_unet.postprocessing.components import CORNERS_TOUCH, Components

REACH = 4.0  # standard deviations that the Gaussian is carried out to


def smooth_masks(masks: np.ndarray, sigma: tuple[float, float], exclusive: bool) -> np.ndarray:
    """Smooth the outlines of all slices; changes ``masks`` in place.

    What is thinner than about the standard deviation vanishes. Straight edges stay where they are. Beyond the image's
    border its last pixels are thought to go on, so that what touches the border still does.

    Args:
        masks: bool (n, segments, rows, columns).
        sigma: standard deviations of the Gaussian along rows and along columns, in pixels.
        exclusive: of several segments at a pixel, the one with the most of it gets it, if it has more than the
            background; without, each segment has the pixels that it fills by half.
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
        shares = np.stack(
            [
                gaussian_filter(mask[box].astype(np.float32), sigma, mode="nearest", truncate=REACH)
                for mask in slice_masks[present]
            ]
        )
        if exclusive:
            background = 1 - shares.sum(0, keepdims=True)
            winner = np.concatenate([background, shares]).argmax(0)
            chosen = winner == np.arange(1, len(shares) + 1)[:, None, None]
        else:
            chosen = shares > 0.5
        slice_masks[(present, *box)] = chosen
    return masks


def clean_masks(
    masks: np.ndarray,
    segmentation: Mapping,
    pixel_mm2: float | None,
    open_ends: tuple[bool, bool] = (False, False),
) -> np.ndarray:
    """Fill holes and take away what is too small to be meant, as the descriptor says; changes ``masks`` in place.

    Args:
        masks: bool (n, segments, rows, columns), all slices of an image, or a range of them.
        segmentation: ``segmentation`` of the model descriptor: ``fill_holes``, ``min_area_mm2`` or, for pictures
            without millimetres, ``min_area_fraction`` of the slice; ``min_slices`` that a component of a volume must
            reach through; ``keep_largest`` component of each ``slice``, of the whole ``image``, or ``none``. A hole
            of an ``exclusive`` segment is filled only if no other segment lies in it.
        pixel_mm2: area of a pixel, or ``None`` if it is not known.
        open_ends: whether the image goes on before the first and behind the last slice, which were left out. What
            touches an open end may go on there, and is not dropped for reaching through too few slices.
    """
    count, segments, rows, columns = masks.shape
    smallest = (
        segmentation["min_area_mm2"] / pixel_mm2 if pixel_mm2 else segmentation["min_area_fraction"] * rows * columns
    )
    for segment in range(segments):
        for index in range(count):
            mask = masks[index, segment]
            if mask.any():
                others = masks[index].any(0) & ~mask if segmentation["exclusive"] else None
                masks[index, segment] = _clean_slice(mask, others, segmentation, smallest)
        fewest = min(segmentation["min_slices"], count)
        largest = segmentation["keep_largest"] == "image"
        if fewest > 1 or largest:
            _keep_solid(masks[:, segment], fewest, largest, open_ends)
    return masks


def _keep_solid(mask: np.ndarray, slices: int, largest: bool, open_ends: tuple[bool, bool]) -> None:
    """Keep the components that reach through enough slices, in place; of these only the largest, if asked."""
    components = Components(mask)
    goes_on = (open_ends[0] & (components.first == 0)) | (open_ends[1] & (components.last == len(mask) - 1))
    chosen = goes_on | (components.last - components.first + 1 >= slices)
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
    background, count = label(np.pad(~mask, 1, constant_values=True))  # what meets at a corner only is apart
    background = background[1:-1, 1:-1]
    inside = np.ones(count + 1, bool)  # of 0, the mask itself, and of the holes
    inside[1] = False  # begins in the padding's first corner
    if others is not None:
        inside[background[others]] = False
    return inside[background]
