"""Resizing of slices: bilinear, along the rows and along the columns by one sparse matrix each.

The values are those of PyTorch's ``interpolate`` with ``align_corners=False``, which needs PyTorch and is no faster on
the CPU.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_matrix


@lru_cache(maxsize=32)
def antialiased(length: int, size: int) -> csr_matrix:
    """(size, length): each new pixel is the mean of those it covers, with triangular weights (``antialias=True``)."""
    scale = length / size
    reach = max(scale, 1.0)
    centres = (np.arange(size) + 0.5) * scale
    first = np.maximum((centres - reach).astype(int), 0)
    last = np.minimum(np.ceil(centres + reach).astype(int), length)
    new = np.repeat(np.arange(size), last - first)
    old = np.concatenate([np.arange(*ends) for ends in zip(first, last, strict=True)])
    weights = np.maximum(1 - np.abs(old + 0.5 - centres[new]) / reach, 0)
    weights /= np.bincount(new, weights)[new]
    return _matrix(weights, new, old, (size, length))


@lru_cache(maxsize=32)
def bilinear(length: int, size: int) -> csr_matrix:
    """(size, length): each new pixel is interpolated between two old ones (``antialias=False``)."""
    places = np.clip((np.arange(size) + 0.5) * (length / size) - 0.5, 0, length - 1)
    before = places.astype(int)
    after = np.minimum(before + 1, length - 1)
    share = places - before
    new = np.arange(size)
    return _matrix(
        np.concatenate([1 - share, share]), np.concatenate([new, new]), np.concatenate([before, after]), (size, length)
    )


def resize(batch: np.ndarray, rows: csr_matrix, columns: csr_matrix, out: np.ndarray) -> None:
    """Resize (n, c, height, width) into ``out``, float32 (n, c, new height, new width), which may be a view."""
    fewer_rows = rows.shape[0] < rows.shape[1]
    for place in np.ndindex(batch.shape[:2]):
        plane = np.asarray(batch[place], np.float32)
        if fewer_rows:  # a smaller plane is quicker to resize along the columns
            plane = rows @ plane
        plane = (columns @ plane.T).T
        out[place] = plane if fewer_rows else rows @ plane


def _matrix(weights: np.ndarray, new: np.ndarray, old: np.ndarray, shape: tuple[int, int]) -> csr_matrix:
    matrix = csr_matrix((weights.astype(np.float32), (new, old)), shape)
    matrix.eliminate_zeros()
    return matrix
