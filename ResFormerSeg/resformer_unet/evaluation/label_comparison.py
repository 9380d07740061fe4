"""Agreement of two segmentations of one image: overlap, surface distance, volumes.

Definitions: Maier-Hein, Reinke et al., Metrics reloaded, Nature Methods 21, 195-212 (2024),
arXiv:2206.01653.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.evaluation.metrics import overlap
from resformer_unet.evaluation.surface_distance import hausdorff95
from resformer_unet.image.medical_image import voxel_mm3


def compare_labels(
    first: np.ndarray, second: np.ndarray, segments: Sequence[Mapping], affine_lps: Sequence[Sequence[float]]
) -> list[dict]:
    """Agreement of two label images, segment by segment.

    Args:
        first, second: integers (slices, rows, columns) on the same grid.
        segments: rows with ``id``, ``name``, ``value_first`` and ``value_second``, the labels of the same
            structure in the two images; ``None`` if an image does not contain it.
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
            f"The two segmentations have different grids: {sizes} voxels.",
            "Resample one of them onto the grid of the other.",
        )
    affine = np.asarray(affine_lps, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise EngineError("BAD_GEOMETRY", "The image's geometry is invalid.", "Export the image again.")
    voxel_ml = voxel_mm3(affine) / 1000
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[::-1]  # along slices, rows, columns
    rows = []
    for segment in segments:
        masks = [
            np.zeros(first.shape, bool) if value is None else image == value
            for image, value in ((first, segment["value_first"]), (second, segment["value_second"]))
        ]
        voxels = [int(np.count_nonzero(mask)) for mask in masks]
        dice, jaccard = overlap(*masks)
        volumes = [count * voxel_ml for count in voxels]
        rows.append(
            {
                "id": segment["id"],
                "name": segment["name"],
                "dice": dice,
                "jaccard": jaccard,
                "hausdorff95_mm": hausdorff95(*masks, spacing) if all(voxels) else None,
                "volume_first_ml": volumes[0],
                "volume_second_ml": volumes[1],
                "volume_difference_ml": volumes[0] - volumes[1],
            }
        )
    return rows
