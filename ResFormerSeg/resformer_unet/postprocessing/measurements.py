"""Measurements of masks: the longest diameter in each slice, and the size and position of the largest lesion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects, label
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

from resformer_unet.postprocessing.components import CORNERS_TOUCH, Components, bounding_box

EDGE_MIDDLES = np.array([[-0.5, 0], [0.5, 0], [0, -0.5], [0, 0.5]])  # of a pixel, from its own middle


@dataclass(frozen=True)
class LargestLesion:
    """The largest connected component of any segment.

    Attributes:
        segment: index of the segment it belongs to.
        voxels: its size.
        center: (slice, row, column) of a voxel inside it: in the slice where it is largest, the one nearest to its
            centroid there.
    """

    segment: int
    voxels: int
    center: tuple[int, int, int]


def longest_diameters(masks: np.ndarray, pixel_mm: tuple[float, float], cosine: float = 0.0) -> np.ndarray:
    """The longest diameter within each slice, as RECIST 1.1 measures lesions (Eisenhauer et al., Eur. J. Cancer 45,
    228-247, 2009): the greatest distance between two points on the contour of one connected component.

    Args:
        masks: bool (n, segments, rows, columns).
        pixel_mm: height and width of a pixel in millimetres.
        cosine: of the angle between the directions of rows and columns, in a sheared grid.

    Returns:
        float64 (n, segments) in millimetres; 0 where a mask is empty.
    """
    diameters = np.zeros(masks.shape[:2])
    for index in np.ndindex(diameters.shape):
        if masks[index].any():
            diameters[index] = _longest_diameter(masks[index], pixel_mm, cosine)
    return diameters


def _longest_diameter(mask: np.ndarray, pixel_mm: tuple[float, float], cosine: float) -> float:
    labels, _ = label(mask[bounding_box(mask)], CORNERS_TOUCH)
    components = [labels[box] == number for number, box in enumerate(find_objects(labels), start=1)]
    components.sort(key=lambda component: -_diagonal(component, pixel_mm, cosine))
    longest = 0.0
    for component in components:
        if _diagonal(component, pixel_mm, cosine) <= longest:
            break  # no diameter exceeds the diagonal of the box
        longest = max(longest, feret_diameter(component, pixel_mm, cosine))
    return longest


def _diagonal(component: np.ndarray, pixel_mm: tuple[float, float], cosine: float) -> float:
    """The longer one of the box."""
    height, width = component.shape[0] * pixel_mm[0], component.shape[1] * pixel_mm[1]
    return float(np.sqrt(height**2 + width**2 + 2 * height * width * abs(cosine)))


def feret_diameter(component: np.ndarray, pixel_mm: tuple[float, float], cosine: float = 0.0) -> float:
    """Maximum Feret diameter of a mask that is not empty, by its convex hull; the contour runs through the middles of
    the pixels' outer edges. (scikit-image's ``feret_diameter_max`` differs by less than a pixel and takes far longer,
    as it fills the hull first.)
    """
    rows = np.flatnonzero(component.any(1))
    first = component[rows].argmax(1)
    last = component.shape[1] - 1 - component[rows, ::-1].argmax(1)
    ends = np.concatenate([np.stack([rows, first], 1), np.stack([rows, last], 1)])
    points = (ends[:, None] + EDGE_MIDDLES).reshape(-1, 2) * np.asarray(pixel_mm)
    if cosine:
        points = points @ np.array([[1.0, 0.0], [cosine, (1 - cosine**2) ** 0.5]])
    try:
        points = points[ConvexHull(points).vertices]
    except QhullError:  # coordinates too extreme for Qhull; the hull only saves distances
        pass
    return float(pdist(points).max())


def largest_lesion(masks: np.ndarray) -> LargestLesion | None:
    """The largest connected component of all segments; voxels may meet at faces, edges or corners (26 neighbours).

    Args:
        masks: bool (n, segments, rows, columns), slices in their order.

    Returns:
        ``None`` if all masks are empty.
    """
    largest = None
    for segment in range(masks.shape[1]):
        components = Components(masks[:, segment], corners=True)
        if not len(components) or largest and components.sizes.max() <= largest.voxels:
            continue
        found = int(components.sizes.argmax())
        index, pixels = components.largest_slice(masks[:, segment], found)
        nearest = pixels[((pixels - pixels.mean(0)) ** 2).sum(1).argmin()]
        largest = LargestLesion(segment, int(components.sizes[found]), (index, *nearest.tolist()))
    return largest
