"""Measures the segments of a segmentation as they are now, for instance after they were edited."""

from __future__ import annotations

import vtk

from ResFormerSegLib.scene.segment_source import sourceOf


def measureSegments(segmentationNode, inMillimetres: bool) -> list[dict]:
    """Rows with id, name, voxels and volume_mm3 of each segment, as in the engine's report.

    inMillimetres: False for a picture, whose pixels have no size: volume_mm3 is then None.
    """
    segmentation, source = segmentationNode.GetSegmentation(), sourceOf(segmentationNode)
    rows = []
    for index in range(segmentation.GetNumberOfSegments()):
        segment, identifier = segmentation.GetNthSegment(index), segmentation.GetNthSegmentID(index)
        voxels, voxelSize = _measure(*source.labels(identifier))
        volume = voxels * voxelSize if inMillimetres else None
        rows.append({"id": identifier, "name": segment.GetName(), "voxels": voxels, "volume_mm3": volume})
    return rows


def _measure(image, value: int) -> tuple[int, float]:
    """Number of voxels with the value in a label map, and size of one in mm³."""
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    if image is None or image.IsEmpty() or image.GetPointData().GetScalars() is None:
        return 0, 0.0
    toWorld = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(toWorld)
    labels = vtk_to_numpy(image.GetPointData().GetScalars())
    return int(np.count_nonzero(labels == value)), abs(toWorld.Determinant())
