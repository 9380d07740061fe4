"""How far two segmentations of one image agree: overlap, distance of the surfaces, volumes.

Definitions and their pitfalls: Maier-Hein, Reinke et al., Metrics reloaded, Nature Methods 21, 195-212 (2024),
arXiv:2206.01653.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

from resformer_unet.errors import EngineError
from resformer_unet.postprocessing.components import bounding_box

PERCENTILE = 95.0


def compare_labels(
    first: np.ndarray, second: np.ndarray, segments: Sequence[Mapping], affine_lps: Sequence[Sequence[float]]
) -> list[dict]:
    """Agreement of two label images, segment by segment.

    Args:
        first, second: integers (slices, rows, columns) on the same grid.
        segments: rows with ``id``, ``name``, ``value_first`` and ``value_second``, the labels of the same thing in the
            two images; a value of ``None`` means that the image does not hold it.
        affine_lps: (4, 4): (column, row, slice, 1) to LPS millimetres.

    Returns:
        Rows with ``id``, ``name``, ``dice``, ``jaccard`` (0 to 1), ``hausdorff95_mm``, ``volume_first_ml``,
        ``volume_second_ml`` and ``volume_difference_ml`` (first minus second). Overlap is ``None`` where both are
        empty, the distance where either is.

    Raises:
        EngineError: GRIDS_DIFFER, BAD_GEOMETRY.
    """
    if first.shape != second.shape or first.ndim != 3:
        sizes = " and ".join(" × ".join(map(str, image.shape[::-1])) for image in (first, second))
        raise EngineError(
            "GRIDS_DIFFER",
            f"The two segmentations lie on different grids: {sizes} voxels.",
            "Resample one of them onto the grid of the other.",
        )
    affine = np.asarray(affine_lps, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise EngineError("BAD_GEOMETRY", "The image's geometry is impossible.", "Export the image again.")
    voxel_ml = abs(float(np.linalg.det(affine[:3, :3]))) / 1000
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[::-1]  # along slices, rows, columns
    rows = []
    for segment in segments:
        masks = [
            np.zeros(first.shape, bool) if value is None else image == value
            for image, value in ((first, segment["value_first"]), (second, segment["value_second"]))
        ]
        voxels = [int(np.count_nonzero(mask)) for mask in masks]
        shared = int(np.count_nonzero(masks[0] & masks[1]))
        volumes = [count * voxel_ml for count in voxels]
        rows.append(
            {
                "id": segment["id"],
                "name": segment["name"],
                "dice": 2 * shared / sum(voxels) if any(voxels) else None,
                "jaccard": shared / (sum(voxels) - shared) if any(voxels) else None,
                "hausdorff95_mm": hausdorff95(*masks, spacing) if all(voxels) else None,
                "volume_first_ml": volumes[0],
                "volume_second_ml": volumes[1],
                "volume_difference_ml": volumes[0] - volumes[1],
            }
        )
    return rows


def hausdorff95(first: np.ndarray, second: np.ndarray, spacing: Sequence[float]) -> float:
    """95 % Hausdorff distance in millimetres between the surfaces of two masks, neither empty.

    The surface is the set of a mask's voxels of which a neighbour across a face lies outside (beyond the image's
    border is outside; along an axis of length one there are no neighbours). Of the distances from each surface voxel of
    one mask to the nearest of the other the 95th percentile is taken, in both directions, and of these two the larger.

    Args:
        first, second: bool (slices, rows, columns).
        spacing: millimetres between neighbours along slices, rows and columns; the axes are taken as perpendicular.
    """
    box = bounding_box(first | second)
    surfaces = [_surface(mask[box], first.shape) for mask in (first, second)]
    directed = [
        np.percentile(distance_transform_edt(~other, sampling=spacing)[surface], PERCENTILE)
        for surface, other in (surfaces, surfaces[::-1])
    ]
    return float(max(directed))


def _surface(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    neighbours = generate_binary_structure(3, 1)
    for axis in (axis for axis in range(3) if shape[axis] == 1):
        neighbours = np.where(np.indices((3, 3, 3))[axis] == 1, neighbours, False)
    return mask & ~binary_erosion(mask, neighbours)  # what lies beyond the border counts as outside
