"""From the network's mask probabilities to masks on the slices' own pixels, without specks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

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
