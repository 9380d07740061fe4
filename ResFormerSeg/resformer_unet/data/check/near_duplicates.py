"""Near-duplicates: images that differ in size, compression or brightness only. In two splits they inflate metrics."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

SIDE = 32  # pixels of a thumbnail
COARSE = 2.0  # pixels; larger structures are similar in all images of a modality
# In the public sets, no two different patients reach 0.89, and all known near-duplicates are above 0.9.
CORRELATION = 0.9
_BLOCK = 1024  # thumbnails compared at once with all others


def thumbnail(voxels: np.ndarray) -> np.ndarray:
    """Grey float32 (SIDE, SIDE) of an image's middle slice.

    Args:
        voxels: (slices, rows, columns, channels).
    """
    grey = voxels[len(voxels) // 2].mean(-1, dtype=np.float32)
    for axis in (0, 1):
        length = grey.shape[axis]
        if length < SIDE:
            grey = grey.take(np.arange(SIDE) * length // SIDE, axis)
        else:
            edges = np.arange(SIDE + 1) * length // SIDE
            shape = (-1, 1) if axis == 0 else (1, -1)
            grey = np.add.reduceat(grey, edges[:-1], axis) / np.diff(edges).reshape(shape).astype(np.float32)
    return np.nan_to_num(grey)


def near_duplicates(thumbnails: np.ndarray) -> np.ndarray:
    """Index pairs (m, 2) of near-duplicates, the lower one first.

    Two images are near-duplicates if their fine structure correlates; rotated or mirrored copies are not found.

    Args:
        thumbnails: (n, SIDE, SIDE).
    """
    fine = thumbnails - gaussian_filter(thumbnails, (0, COARSE, COARSE))
    fine = fine.reshape(len(fine), -1)
    fine = fine - fine.mean(1, keepdims=True)
    norm = np.linalg.norm(fine, axis=1, keepdims=True)
    fine = np.divide(fine, norm, out=np.zeros_like(fine), where=norm > 0)
    pairs = [np.empty((0, 2), int)]
    for start in range(0, len(fine), _BLOCK):
        found = np.argwhere(fine[start : start + _BLOCK] @ fine.T > CORRELATION) + (start, 0)
        pairs.append(found[found[:, 0] < found[:, 1]])
    return np.concatenate(pairs)
