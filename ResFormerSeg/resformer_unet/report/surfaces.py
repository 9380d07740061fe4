"""The segments of a volume as closed surfaces: signed distances that can be asked for anywhere in the patient."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

MOST = 128  # samples of a segment along an axis; a larger one is taken more coarsely
_STEPS = 80  # of a ray at most
_SMOOTHING = 1.0  # samples, of the surface's directions only


class Surface:
    """Where a segment's voxels meet the others; between slices as far as the distances to its contours say.

    This is shape-based interpolation (Raya and Udupa, IEEE TMI 9:32, 1990): the surface goes half-way between
    neighbouring voxels inside and outside, so a segment in a single slice is as thick as the slice.

    Args:
        mask: bool (slices, rows, columns), not empty.
        affine: from (column, row, slice) to LPS millimetres.
    """

    def __init__(self, mask: np.ndarray, affine: np.ndarray) -> None:
        box = _box(mask)
        cut = mask[box]
        steps = np.array([-(-length // MOST) for length in cut.shape])
        cut = np.pad(_coarser(cut, steps), 1)  # closed where the image ends
        start = np.array([part.start for part in box]) + (steps - 1) / 2 - steps  # index of the first sample
        array = affine[:3, :3][:, ::-1]  # of array indices
        self._matrix = array * steps
        self._origin = array @ start + affine[:3, 3]
        self._inverse = np.linalg.inv(self._matrix)
        self.spacing = np.linalg.norm(self._matrix, axis=0)  # mm between samples
        inside = ndimage.distance_transform_edt(cut, self.spacing)
        self._distance = (inside - ndimage.distance_transform_edt(~cut, self.spacing)).astype(np.float32)
        slopes = np.gradient(ndimage.gaussian_filter(self._distance, _SMOOTHING))
        self._slopes = np.einsum("aijk,ab->bijk", np.stack(slopes), self._inverse.astype(np.float32))
        self.corners = np.array(np.meshgrid(*((0.0, length - 1.0) for length in cut.shape))).reshape(3, 8).T
        self.corners = self.corners @ self._matrix.T + self._origin

    def meet(self, starts: np.ndarray, direction: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
        """Where rays first meet the surface: indices of those that do (n,), and how far from their starts in mm (n,).

        Each step is half of the distance at its start, which is at most twice as far as the surface is there; so none
        leads through a wall.

        Args:
            starts: (rays, 3) in LPS mm.
            direction: (3,) of length 1, of all rays.
            tolerance: mm by which a place may be wrong.
        """
        starts, step = self._places(starts), self._inverse @ direction
        ways, ends = _within(starts, step, np.array(self._distance.shape) - 1.0)
        rays = np.flatnonzero(ways < ends)
        starts, ways, ends = starts[:, rays], ways[rays], ends[rays]
        found = []
        for _ in range(_STEPS):
            distances = ndimage.map_coordinates(
                self._distance, starts + step[:, None] * ways, np.float32, order=1, mode="nearest"
            )
            arrived = distances > -tolerance
            found.append((rays[arrived], ways[arrived]))
            ways = ways + np.maximum(-distances / 2, tolerance)
            going_on = ~arrived & (ways < ends)
            rays, ways, ends, starts = rays[going_on], ways[going_on], ends[going_on], starts[:, going_on]
            if not rays.size:
                break
        return np.concatenate([rays for rays, _ in found]), np.concatenate([ways for _, ways in found])

    def normals(self, points: np.ndarray) -> np.ndarray:
        """Unit vectors (n, 3) out of the segment, in LPS."""
        places = self._places(points)
        inwards = [ndimage.map_coordinates(slope, places, order=1, mode="nearest") for slope in self._slopes]
        outwards = -np.stack(inwards, axis=1)
        return outwards / np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-9)

    def _places(self, points: np.ndarray) -> np.ndarray:
        return self._inverse @ (points - self._origin).T


def _within(starts: np.ndarray, step: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ways (rays,) at which rays from ``starts`` (3, rays) enter and leave the box from 0 to ``most``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        walls = np.stack([(wall - starts) / step[:, None] for wall in (np.zeros((3, 1)), most[:, None])])
    return np.nanmax(walls.min(axis=0), axis=0), np.nanmin(walls.max(axis=0), axis=0)


def _box(mask: np.ndarray) -> tuple[slice, ...]:
    occupied = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    return tuple(slice(indices[0], indices[-1] + 1) for indices in occupied)


def _coarser(mask: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Blocks of voxels that are at least half full, or touched at all where none is."""
    if (steps == 1).all():
        return mask
    mask = np.pad(mask, [(0, int(-length % step)) for length, step in zip(mask.shape, steps, strict=True)])
    blocks = np.stack([np.array(mask.shape) // steps, steps], axis=1).ravel()
    counts = mask.reshape(blocks).sum(axis=(1, 3, 5), dtype=np.int32)
    full = counts * 2 >= steps.prod()
    return full if full.any() else counts > 0
