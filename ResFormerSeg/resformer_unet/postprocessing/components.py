"""Connected components of masks that extend through slices, by SciPy, each labelled in a box around it.

Segments are small beside a volume. A component lies within one component of the mask's projection along the slices, so
labelling the boxes around those takes a fraction of the time and memory of labelling all voxels of the volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, generate_binary_structure, label

CORNERS_TOUCH = generate_binary_structure(2, 2)  # pixels of a slice that meet at a corner are connected


@dataclass(frozen=True)
class _Labels:
    """Components within a box.

    Attributes:
        box: slices, rows and columns.
        labels: of the box: 0 is background, 1... the components.
        offset: number of component 1 among those of all boxes, from 0.
        count: how many components there are.
    """

    box: tuple[slice, slice, slice]
    labels: np.ndarray
    offset: int
    count: int


class Components:
    """The connected components of a mask, bool (n, rows, columns), numbered from 0.

    Voxels that share a face or an edge are connected (18 neighbours); with ``corners`` also those that share a corner
    only (26 neighbours).

    Attributes:
        sizes: int64 (components,), voxels.
        first, last: int64 (components,), slices that each begins and ends in.
    """

    def __init__(self, mask: np.ndarray, corners: bool = False) -> None:
        structure = generate_binary_structure(3, 3 if corners else 2)
        self._labels: list[_Labels] = []
        figures, offset = [np.zeros((3, 0), np.int64)], 0
        projection, _ = _label(mask.any(0), CORNERS_TOUCH)
        for number, area in enumerate(find_objects(projection), start=1):
            occupied = np.flatnonzero(mask[(slice(None), *area)].any((1, 2)))
            box = (slice(int(occupied[0]), int(occupied[-1]) + 1), *area)
            labels, count = _label(mask[box] & (projection[area] == number), structure)
            self._labels.append(_Labels(box, labels, offset, count))
            figures.append(_figures(labels, count, box[0].start))
            offset += count
        self.sizes, self.first, self.last = np.concatenate(figures, axis=1)

    def __len__(self) -> int:
        return len(self.sizes)

    def keep(self, mask: np.ndarray, chosen: np.ndarray) -> None:
        """Remove from ``mask``, in place, the components for which ``chosen``, bool (components,), is false."""
        for found in self._labels:
            kept = np.concatenate([[True], chosen[found.offset : found.offset + found.count]])
            for pixels, labels in zip(mask[found.box], found.labels, strict=True):
                inside = np.flatnonzero(labels)  # few of the box's pixels
                dropped = inside[~kept[labels.ravel()[inside]]]
                pixels[np.unravel_index(dropped, labels.shape)] = False

    def largest_slice(self, component: int) -> tuple[int, np.ndarray]:
        """The slice in which a component has the most pixels (the first of several), and these as (pixels, 2)."""
        found = next(each for each in reversed(self._labels) if each.offset <= component)
        number = component - found.offset + 1
        areas = [np.count_nonzero(labels == number) for labels in found.labels]
        index = int(np.argmax(areas))
        slices, rows, columns = (side.start for side in found.box)
        return slices + index, np.argwhere(found.labels[index] == number) + (rows, columns)


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


def _label(mask: np.ndarray, structure: np.ndarray) -> tuple[np.ndarray, int]:
    """SciPy's labels and their number, in 16 bits where they suffice: those of a large volume take the most memory."""
    try:
        return label(mask, structure, output=np.uint16)
    except RuntimeError:
        return label(mask, structure, output=np.int32)


def _figures(labels: np.ndarray, count: int, start: int) -> np.ndarray:
    """int64 (3, count): voxels, first slice and last slice of each component; ``start`` is the box's first slice."""
    sizes, first, last = figures = np.zeros((3, count), np.int64)
    first += start + len(labels)
    for index, pixels in enumerate(labels, start=start):
        counts = np.bincount(pixels[pixels > 0], minlength=count + 1)[1:]  # few of the box's pixels
        sizes += counts
        present = counts > 0
        last[present] = index
        first[present] = np.minimum(first[present], index)
    return figures
