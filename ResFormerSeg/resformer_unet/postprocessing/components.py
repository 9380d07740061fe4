"""Connected pieces of masks that reach through slices, found slice by slice.

Outlines are small beside a volume. Labelling each slice in its bounding box and linking what touches between
neighbouring slices takes a fraction of the time and memory of labelling all voxels of the volume.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from resformer_unet.postprocessing.bounding_box import bounding_box

CORNERS_TOUCH = np.ones((3, 3), bool)  # pixels of a slice that meet at a corner belong together
_FACES_AND_EDGES = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]  # steps from a pixel to those it touches in a next slice
_CORNERS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]


@dataclass(frozen=True)
class SlicePieces:
    """The connected pieces of one slice.

    Attributes:
        box: rows and columns that hold them all.
        labels: of the box: 0 is background, 1... the pieces; the smallest unsigned integers that can hold them.
        first: number of piece 1 among the pieces of all slices, from 0.
        sizes: int64 (pieces,), pixels of each.
    """

    index: int
    box: tuple[slice, slice]
    labels: np.ndarray
    first: int
    sizes: np.ndarray


class Components:
    """The connected components of a mask, bool (n, rows, columns), numbered from 0.

    Pixels of a slice that meet at a corner belong together, as do voxels of neighbouring slices that share a face or
    an edge; with ``corners`` also those that share a corner only.

    Attributes:
        sizes: int64 (components,), voxels.
        first, last: int64 (components,), slices that each begins and ends in.
    """

    def __init__(self, mask: np.ndarray, corners: bool = False) -> None:
        self._slices: list[SlicePieces] = []
        pieces = 0
        for index, pixels in enumerate(mask):
            if pixels.any():
                box = bounding_box(pixels)
                labels, count = label(pixels[box], CORNERS_TOUCH)
                sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
                labels = labels.astype(np.min_scalar_type(count))  # those of all slices are held at once
                self._slices.append(SlicePieces(index, box, labels, pieces, sizes))
                pieces += count
        links = np.concatenate([np.empty((0, 2), int), *self._links(corners)])
        graph = coo_array((np.ones(len(links), bool), links.T), (pieces, pieces))
        count, self._component = connected_components(graph, directed=False)

        piece_slices = np.concatenate([np.empty(0, int), *(np.full(len(x.sizes), x.index) for x in self._slices)])
        piece_sizes = np.concatenate([np.empty(0, int), *(x.sizes for x in self._slices)])
        self.sizes, self.last = np.zeros((2, count), np.int64)
        self.first = np.full(count, len(mask))
        np.add.at(self.sizes, self._component, piece_sizes)
        np.minimum.at(self.first, self._component, piece_slices)
        np.maximum.at(self.last, self._component, piece_slices)

    def __len__(self) -> int:
        return len(self.sizes)

    def keep(self, mask: np.ndarray, chosen: np.ndarray) -> None:
        """Take the components out of ``mask``, in place, that ``chosen``, bool (components,), does not name."""
        for found in self._slices:
            mask[found.index][found.box] &= self._inside(found, chosen)

    def largest_slice(self, component: int) -> tuple[int, np.ndarray]:
        """The slice in which a component has the most pixels (the first of several), and these as (pixels, 2)."""
        chosen = np.arange(len(self)) == component
        areas = [int(found.sizes[chosen[self._of(found)]].sum()) for found in self._slices]
        found = self._slices[int(np.argmax(areas))]
        corner = [side.start for side in found.box]
        return found.index, np.argwhere(self._inside(found, chosen)) + corner

    def _of(self, found: SlicePieces) -> np.ndarray:
        """Component of each piece of a slice."""
        return self._component[found.first : found.first + len(found.sizes)]

    def _inside(self, found: SlicePieces, chosen: np.ndarray) -> np.ndarray:
        return np.concatenate([[False], chosen[self._of(found)]])[found.labels]

    def _links(self, corners: bool) -> Iterator[np.ndarray]:
        """(links, 2): pairs of pieces of neighbouring slices that touch."""
        steps = _FACES_AND_EDGES + _CORNERS * corners
        for here, there in zip(self._slices, self._slices[1:], strict=False):
            if there.index == here.index + 1:
                touching = np.unique(np.concatenate([_touching(here, there, step) for step in steps]))
                mine, others = np.divmod(touching, len(there.sizes) + 1)
                yield np.stack([mine - 1 + here.first, others - 1 + there.first], axis=1)


def _touching(here: SlicePieces, there: SlicePieces, step: tuple[int, int]) -> np.ndarray:
    """int64 (pairs,): which pieces of ``there`` lie a step further than pieces of ``here``, some more than once.

    Each pair of labels is one number: that of ``here`` times the number of labels of ``there``, plus that of ``there``.
    """
    window, stepped = [], []
    for mine, other, more in zip(here.box, there.box, step, strict=True):
        first, last = max(mine.start, other.start - more), min(mine.stop, other.stop - more)
        if first >= last:
            return np.empty(0, np.int64)
        window.append(slice(first - mine.start, last - mine.start))
        stepped.append(slice(first + more - other.start, last + more - other.start))
    labels, others = here.labels[tuple(window)], there.labels[tuple(stepped)]
    both = (labels > 0) & (others > 0)
    pairs = labels[both].astype(np.int64) * (len(there.sizes) + 1) + others[both]
    return pairs[np.diff(pairs, prepend=-1) != 0]  # runs of pixels of the same two pieces need naming once
