"""From the network's mask probabilities to masks on the slices' own pixels, without specks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.ndimage import binary_fill_holes
from skimage.measure import label, regionprops
from torch import Tensor

from .letterbox import Letterbox

STRIP = 8_000_000  # probabilities that are held at once when a picture is brought back to its own size


def masks_on_slices(probabilities: Tensor, letterbox: Letterbox, segmentation: Mapping) -> np.ndarray:
    """Decide which pixels belong to which segment, at the slices' own size.

    Args:
        probabilities: (n, channels, height, width) at the network's input size; exclusive segments have the
            background as channel 0.
        segmentation: ``segmentation`` of the model descriptor.

    Returns:
        bool (n, segments, rows, columns).
    """
    count, channels = probabilities.shape[:2]
    segments = channels - 1 if segmentation["exclusive"] else channels
    masks = np.empty((count, segments, letterbox.rows, letterbox.columns), bool)
    step = max(1, STRIP // (count * channels * letterbox.columns))
    for first in range(0, letterbox.rows, step):
        rows = slice(first, min(first + step, letterbox.rows))
        # All rows at once take the letterbox's quicker way.
        strip = letterbox.inverse(probabilities, None if step >= letterbox.rows else rows)
        if segmentation["exclusive"]:
            winner = strip.argmax(1, keepdim=True)
            chosen = winner == torch.arange(1, channels).view(1, -1, 1, 1)
        else:
            chosen = strip > segmentation["threshold"]
        masks[:, :, rows] = chosen.numpy()
    return masks


def clean_masks(masks: np.ndarray, segmentation: Mapping, pixel_mm2: float | None) -> np.ndarray:
    """Fill holes and take away what is too small to be meant, as the descriptor says; changes ``masks`` in place.

    Args:
        masks: bool (n, segments, rows, columns), all slices of an image.
        segmentation: ``segmentation`` of the model descriptor: ``fill_holes``, ``min_area_mm2`` or, for pictures
            without millimetres, ``min_area_fraction`` of the slice, ``keep_largest`` (of each slice), ``min_slices``
            (components of a volume that reach through fewer neighbouring slices are dropped).
        pixel_mm2: area of a pixel, or ``None`` if it is not known.
    """
    count, segments, rows, columns = masks.shape
    smallest = (
        segmentation["min_area_mm2"] / pixel_mm2 if pixel_mm2 else segmentation["min_area_fraction"] * rows * columns
    )
    for segment in range(segments):
        for index in range(count):
            mask = masks[index, segment]
            if mask.any():
                masks[index, segment] = _clean_slice(mask, segmentation, smallest)
        fewest = min(segmentation["min_slices"], count)
        if fewest > 1 and masks[:, segment].any():
            masks[:, segment] &= _reaching_through(masks[:, segment], fewest)
    return masks


def _clean_slice(mask: np.ndarray, segmentation: Mapping, smallest: float) -> np.ndarray:
    # Work on the bounding box only: lesions are small beside the slice.
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    inside = mask[box]
    if segmentation["fill_holes"]:
        inside = binary_fill_holes(inside)
    labels = label(inside, connectivity=2)
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    keep = areas >= max(smallest, 1)
    if segmentation["keep_largest"]:
        keep &= np.arange(len(areas)) == areas.argmax()
    cleaned = np.zeros_like(mask)
    cleaned[box] = keep[labels]
    return cleaned


def _reaching_through(volume: np.ndarray, slices: int) -> np.ndarray:
    labels = label(volume, connectivity=2)
    keep = np.zeros(labels.max() + 1, bool)
    for region in regionprops(labels):
        keep[region.label] = region.bbox[3] - region.bbox[0] >= slices
    return keep[labels]
