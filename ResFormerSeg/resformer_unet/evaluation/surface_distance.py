"""Distance between the surfaces of two masks.

Definitions: Maier-Hein, Reinke et al., Metrics reloaded, Nature Methods 21, 195-212 (2024), arXiv:2206.01653.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

from resformer_unet.postprocessing.components import bounding_box

PERCENTILE = 95.0


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
    return mask & ~binary_erosion(mask, neighbours)  # voxels beyond the image border count as outside
