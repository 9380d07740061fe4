"""Along which axis of a volume the slices are taken.

The engine decides by the same rules; the panel needs it to offer a range and to find the slice shown.
"""

from __future__ import annotations

import vtk

from ResFormerSegLib.scene.volume_export import isPicture

THICK = 1.2  # as in the engine: slices are acquired along the axis whose spacing exceeds the others by this factor
NORMALS = {"sagittal": 0, "coronal": 1, "axial": 2}  # the coordinate of RAS that the plane's normal points along


def slicedAxis(volumeNode, sliceAxis: str) -> int:
    """The axis of the voxel array (slices, rows, columns) that is cut along.

    sliceAxis: "axial", "coronal", "sagittal", "acquisition" (the axis of length one or of the clearly largest
    spacing) or "stored".
    """
    if sliceAxis == "stored" or isPicture(volumeNode):
        return 0
    if sliceAxis == "acquisition":
        shape, spacing = volumeNode.GetImageData().GetDimensions()[::-1], volumeNode.GetSpacing()[::-1]
        if 1 in shape:
            return shape.index(1)
        axis = spacing.index(max(spacing))
        return axis if spacing[axis] > THICK * max(spacing[:axis] + spacing[axis + 1 :]) else 0
    normals = _normals(volumeNode)
    return max(range(3), key=lambda axis: abs(normals[axis][NORMALS[sliceAxis]]))


def _normals(volumeNode) -> list[list[float]]:
    """By array axis, the unit normal of its slices in RAS, also when the grid is sheared: the rows of the inverse."""
    rasToIjk = vtk.vtkMatrix4x4()
    volumeNode.GetRASToIJKMatrix(rasToIjk)
    normals = []
    for row in (2, 1, 0):
        normal = [rasToIjk.GetElement(row, column) for column in range(3)]
        length = sum(value * value for value in normal) ** 0.5 or 1.0
        normals.append([value / length for value in normal])
    return normals
