"""Measures the segments of a segmentation as they are now, for instance after they were edited."""

from __future__ import annotations

import slicer
import vtk


def measureSegments(segmentationNode, inMillimetres: bool) -> list[dict]:
    """Rows with id, name, voxels and volume_mm3 of each segment, as in the engine's report.

    inMillimetres: False for a picture, whose pixels have no size: volume_mm3 is then None.
    """
    segmentation = segmentationNode.GetSegmentation()
    rows = []
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        voxels, voxelSize = _measure(segment)
        volume = voxels * voxelSize if inMillimetres else None
        identifier = segmentation.GetNthSegmentID(index)
        rows.append({"id": identifier, "name": segment.GetName(), "voxels": voxels, "volume_mm3": volume})
    return rows


def _measure(segment) -> tuple[int, float]:
    """Number of voxels, and size of one in mm³."""
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    image = segment.GetRepresentation(name)
    if image is None or image.IsEmpty() or image.GetPointData().GetScalars() is None:
        return 0, 0.0
    toWorld = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(toWorld)
    labels = vtk_to_numpy(image.GetPointData().GetScalars())
    return int(np.count_nonzero(labels == segment.GetLabelValue())), abs(toWorld.Determinant())
