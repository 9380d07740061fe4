"""Connected components of masks that extend through slices: SciPy's of each slice, linked where they touch.

The slices may come one after the other, while a network still works on the next ones. What is left for the end is a
graph with a node for each component of each slice; only the labels of the last slice are in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import generate_binary_structure, label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

CORNERS_TOUCH = generate_binary_structure(2, 2)  # pixels of a slice that meet at a corner are connected
FACES, EDGES = ((0, 0),), ((-1, 0), (1, 0), (0, -1), (0, 1))  # of a voxel to those of the next slice
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
FEW = 4096  # pairs of labels that are counted in a table


@dataclass(frozen=True)
class _Slice:
    """The components of a slice: nodes ``offset``... of the graph; ``areas`` int64 (nodes,); the box holds all."""

    box: tuple[slice, ...]
    offset: int
    areas: np.ndarray


class Components:
    """The connected components of a mask, bool (n, rows, columns), numbered from 0.

    Voxels that share a face or an edge are connected (18 neighbours); with ``corners`` also those that share a corner
    only (26 neighbours). The slices are given to :meth:`add` one by one, before the attributes are read.

    Attributes:
        sizes: int64 (components,), voxels.
        first, last: int64 (components,), slices that each begins and ends in.
    """

    def __init__(self, slices: Iterable[np.ndarray] = (), corners: bool = False) -> None:
        self._shifts = (*FACES, *EDGES, *(CORNERS if corners else ()))
        self._slices: list[_Slice | None] = []
        self._links: list[np.ndarray] = []
        self._labels, self._nodes = np.zeros((0, 0), np.uint16), 0  # labels of the last slice, in its box
        for pixels in slices:
            self.add(pixels)

    def add(self, pixels: np.ndarray) -> None:
        """Take the next slice, bool (rows, columns)."""
        if not pixels.any():
            self._slices.append(None)
            return
        box = bounding_box(pixels)
        labels, count = _label(pixels[box])
        found = _Slice(box, self._nodes, np.bincount(labels[labels > 0], minlength=count + 1)[1:])
        before = self._slices[-1] if self._slices else None
        if before is not None:
            pairs = _touching(before.box, self._labels, box, labels, self._shifts)
            self._links.append(pairs + (before.offset - 1, found.offset - 1))
        self._slices.append(found)
        self._labels, self._nodes = labels, self._nodes + count

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def _of_node(self) -> np.ndarray:
        """The component of each node."""
        links = np.concatenate([np.zeros((0, 2), np.int64), *self._links])
        graph = coo_array((np.ones(len(links), bool), (links[:, 0], links[:, 1])), shape=(self._nodes, self._nodes))
        return connected_components(graph, directed=False)[1].astype(np.int64)

    @cached_property
    def _slice_of_node(self) -> np.ndarray:
        counts = [0 if found is None else len(found.areas) for found in self._slices]
        return np.repeat(np.arange(len(counts)), counts)

    @cached_property
    def _areas(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int64), *(found.areas for found in self._slices if found is not None)])

    @cached_property
    def sizes(self) -> np.ndarray:
        sizes = np.zeros(self._of_node.max(initial=-1) + 1, np.int64)
        np.add.at(sizes, self._of_node, self._areas)
        return sizes

    @cached_property
    def first(self) -> np.ndarray:
        first = np.full(len(self), len(self._slices))
        np.minimum.at(first, self._of_node, self._slice_of_node)
        return first

    @cached_property
    def last(self) -> np.ndarray:
        last = np.zeros(len(self), np.int64)
        np.maximum.at(last, self._of_node, self._slice_of_node)
        return last

    def keep(self, mask: np.ndarray, chosen: np.ndarray) -> None:
        """Remove components from the mask whose slices were added, in place.

        Args:
            chosen: bool (components,), false for those to remove.
        """
        kept_nodes = chosen[self._of_node]
        for pixels, found in zip(mask, self._slices, strict=True):
            if found is None:
                continue
            kept = kept_nodes[found.offset : found.offset + len(found.areas)]
            if not kept.any():
                pixels[found.box] = False
            elif not kept.all():
                labels, _ = _label(pixels[found.box])  # numbered as they were when the slice was added
                pixels[found.box] = np.concatenate([[False], kept])[labels]

    def largest_slice(self, mask: np.ndarray, component: int) -> tuple[int, np.ndarray]:
        """The slice in which a component has the most pixels (the first of several), and these as (pixels, 2).

        ``mask`` is the one whose slices were added.
        """
        nodes = np.flatnonzero(self._of_node == component)
        areas = np.bincount(self._slice_of_node[nodes], self._areas[nodes])
        index = int(areas.argmax())
        found = self._slices[index]
        labels, _ = _label(mask[index][found.box])
        numbers = nodes[self._slice_of_node[nodes] == index] - found.offset + 1
        return index, np.argwhere(np.isin(labels, numbers)) + [side.start for side in found.box]


def bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest box that holds all of a boolean mask, which must not be empty; one slice an axis.

    (SciPy's ``find_objects`` takes ten times as long for a single object.)
    """
    box = []
    for axis in range(mask.ndim):
        inside = np.flatnonzero(mask.any(tuple(other for other in range(mask.ndim) if other != axis)))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
        mask = mask[(slice(None),) * axis + (box[-1],)]  # the less is left, the sooner the next axis is done
    return tuple(box)


def _label(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """SciPy's labels of a slice and their number, in 16 bits where they suffice."""
    try:
        return label(mask, CORNERS_TOUCH, output=np.uint16)
    except RuntimeError:
        return label(mask, CORNERS_TOUCH, output=np.int32)


def _touching(
    box: tuple[slice, ...],
    labels: np.ndarray,
    next_box: tuple[slice, ...],
    next_labels: np.ndarray,
    shifts: Iterable[tuple[int, int]],
) -> np.ndarray:
    """The labels of a slice and of the next one that touch, int64 (pairs, 2), each at least once.

    Args:
        box, next_box: where the labels lie in their slices.
        shifts: places beside a pixel in the other slice that count as touching it.
    """
    # What can touch lies within both boxes, or a pixel beside.
    frame = [(max(a.start, b.start) - 1, min(a.stop, b.stop) + 1) for a, b in zip(box, next_box, strict=True)]
    if any(stop - start < 2 for start, stop in frame):
        return np.zeros((0, 2), np.int64)
    here, there = _within(frame, box, labels), _within(frame, next_box, next_labels)
    base = int(there.max()) + 1
    possible, found = int(here.max()) * (base - 1), np.zeros(0, np.int64)
    for down, right in shifts:
        if len(found) == possible:
            break  # the first shift finds nearly all
        moved = there[_overlap(-down), _overlap(-right)]
        fixed = here[_overlap(down), _overlap(right)]
        both = (fixed > 0) & (moved > 0)
        keys = fixed[both].astype(np.int64) * base + moved[both]
        if possible < FEW:
            keys = np.flatnonzero(np.bincount(keys))
        found = np.union1d(found, keys)
    return np.stack(np.divmod(found, base), axis=1)


def _overlap(shift: int) -> slice:
    """Along one axis, the part of an array that lies on another one moved by so many pixels."""
    return slice(max(shift, 0), min(shift, 0) or None)


def _within(frame: list[tuple[int, int]], box: tuple[slice, ...], labels: np.ndarray) -> np.ndarray:
    """The labels, which lie in the box, on the frame; 0 where it is larger."""
    found = np.zeros([stop - start for start, stop in frame], labels.dtype)
    own = [(max(start, side.start), min(stop, side.stop)) for (start, stop), side in zip(frame, box, strict=True)]
    target = tuple(slice(a - start, b - start) for (a, b), (start, _) in zip(own, frame, strict=True))
    found[target] = labels[tuple(slice(a - side.start, b - side.start) for (a, b), side in zip(own, box, strict=True))]
    return found
