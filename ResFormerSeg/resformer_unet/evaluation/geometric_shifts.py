"""Shifts of the geometry: another field of view, a turned patient or probe, thicker slices.

Every function takes values float32 (slices, rows, columns, channels), the reference masks bool (segments, slices, rows,
columns) or ``None``, the random generator of the case, and the strength of the shift; and gives new values and masks.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

Shifted = tuple[np.ndarray, np.ndarray | None]


def crop(values: np.ndarray, masks: np.ndarray | None, random: np.random.Generator, strength: float) -> Shifted:
    """A field of view that lacks that fraction of rows and columns, somewhere."""
    cut = []
    for length in values.shape[1:3]:
        kept = length - round(strength * length)
        first = round(float(random.uniform()) * (length - kept))
        cut.append(slice(first, first + kept))
    rows, columns = cut
    return values[:, rows, columns], None if masks is None else masks[:, :, rows, columns]


def rotation(values: np.ndarray, masks: np.ndarray | None, random: np.random.Generator, strength: float) -> Shifted:
    """Turned in the slice by that many degrees, to either side; corners get the image's lowest value."""
    angle = strength * int(random.choice((-1, 1)))
    turned = ndimage.rotate(values, angle, (1, 2), reshape=False, order=1, cval=float(values.min()))
    if masks is None:
        return turned, None
    return turned, ndimage.rotate(masks.astype(np.uint8), angle, (2, 3), reshape=False, order=0).astype(bool)


def slice_thickness(
    values: np.ndarray, masks: np.ndarray | None, random: np.random.Generator, strength: float
) -> Shifted:
    """Slices that are thicker than their spacing: each holds that fraction of both of its neighbours."""
    weights = (strength, 1 - 2 * strength, strength)
    return ndimage.convolve1d(values, weights, axis=0, mode="nearest"), masks
