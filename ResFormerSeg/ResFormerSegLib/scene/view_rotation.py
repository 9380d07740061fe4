"""Slice views that lie in the planes of an oblique volume, as a slice of it is seen only there."""

from __future__ import annotations

from ResFormerSegLib.scene.slice_positions import sliceViewsInSight, worldFromIjk

# Of the angle between a volume's axis and the nearest axis of the patient; below it (1 degree) a slice of a head leaves
# the view by less than 2 mm from its middle to its border.
ALIGNED_COSINE = 0.99985


def rotateViewsTo(volumeNode) -> bool:
    """Turns the slice views to the planes of the volume if it is oblique; gives whether a view was turned.

    Views of a volume along the patient's axes stay as they are, and so do views that lie in its planes already.
    """
    if volumeNode is None or volumeNode.GetImageData() is None or not isOblique(volumeNode):
        return False
    turned = False
    for sliceNode in sliceViewsInSight():
        before = _normal(sliceNode)
        sliceNode.RotateToVolumePlane(volumeNode)
        turned = turned or abs(_dot(before, _normal(sliceNode))) < ALIGNED_COSINE
    return turned


def isOblique(volumeNode) -> bool:
    """Whether the volume's slices, with its transforms, lie across the axes of the patient."""
    return any(max(abs(part) for part in axis) < ALIGNED_COSINE for axis in _axes(volumeNode))


def _axes(volumeNode) -> list[list[float]]:
    """Unit vectors along columns, rows and slices, in the world."""
    origin = worldFromIjk(volumeNode, (0, 0, 0))
    axes = []
    for step in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        end = worldFromIjk(volumeNode, step)
        axis = [end[row] - origin[row] for row in range(3)]
        length = _dot(axis, axis) ** 0.5
        axes.append([part / length for part in axis] if length else [1.0, 0.0, 0.0])
    return axes


def _normal(sliceNode) -> list[float]:
    return [sliceNode.GetSliceToRAS().GetElement(row, 2) for row in range(3)]


def _dot(first: list[float], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))
