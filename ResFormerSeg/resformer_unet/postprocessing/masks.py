"""From the network's mask probabilities to masks on the slices' own pixels, without specks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.ndimage import label

from resformer_unet.postprocessing.bounding_box import bounding_box
from resformer_unet.postprocessing.components import CORNERS_TOUCH, Components
from resformer_unet.preprocessing.letterbox import Letterbox

STRIP = 8_000_000  # probabilities that are held at once when a picture is brought back to its own size


def masks_on_slices(
    probabilities: np.ndarray, letterbox: Letterbox, segmentation: Mapping, percent: np.ndarray | None = None
) -> np.ndarray:
    """Decide which pixels belong to which segment, at the slices' own size.

    Args:
        probabilities: (n, channels, height, width) at the network's input size; exclusive segments have the
            background as channel 0.
        segmentation: ``segmentation`` of the model descriptor.
        percent: uint8 (n, segments, rows, columns) to be filled with the segments' probabilities, 0 to 100.

    Returns:
        bool (n, segments, rows, columns).
    """
    count, channels = probabilities.shape[:2]
    segments = channels - int(segmentation["exclusive"])
    masks = np.zeros((count, segments, letterbox.rows, letterbox.columns), bool)
    step = max(1, STRIP // (channels * letterbox.columns))
    for index in range(count):
        answer = probabilities[index : index + 1]
        rows = slice(0, letterbox.rows) if percent is not None else _rows_with_segments(answer, letterbox, segmentation)
        for first in range(rows.start, rows.stop, step):
            strip_rows = slice(first, min(first + step, rows.stop))
            strip = letterbox.inverse(answer, strip_rows)
            masks[index, :, strip_rows] = _decide(strip, segmentation)[0]
            if percent is not None:
                percent[index, :, strip_rows] = np.rint(100 * strip[0, -segments:])
    return masks


def _decide(probabilities: np.ndarray, segmentation: Mapping) -> np.ndarray:
    """bool (n, segments, rows, columns) of (n, channels, rows, columns)."""
    if not segmentation["exclusive"]:
        return probabilities > segmentation["threshold"]
    segments = np.arange(1, probabilities.shape[1])
    return probabilities.argmax(1)[:, None] == segments.reshape(1, -1, 1, 1)


def _rows_with_segments(answer: np.ndarray, letterbox: Letterbox, segmentation: Mapping) -> slice:
    """Rows of a slice outside which no pixel can belong to a segment: what is interpolated between the network's
    pixels is never more than these are."""
    found = np.flatnonzero(_decide(answer, segmentation).any((0, 1, 3)))
    return letterbox.reach(int(found[0]), int(found[-1]) + 1) if found.size else slice(0, 0)


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
