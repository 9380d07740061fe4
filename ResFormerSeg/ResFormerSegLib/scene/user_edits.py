"""Detects manual edits of a segmentation, which a new run would destroy."""

from __future__ import annotations

import json
import zlib

import vtk

FINGERPRINT = "ResFormerSeg.Fingerprint"  # attribute of the segmentation node


def rememberUnedited(segmentationNode) -> None:
    """Stores a fingerprint of the segmentation right after a run, before the user can change it."""
    segmentationNode.SetAttribute(FINGERPRINT, fingerprint(segmentationNode))


def hasManualEdits(segmentationNode) -> bool:
    """Whether it has segments that this module did not make, or that were changed since."""
    if segmentationNode.GetSegmentation().GetNumberOfSegments() == 0:
        return False
    return segmentationNode.GetAttribute(FINGERPRINT) != fingerprint(segmentationNode)


def fingerprint(segmentationNode) -> str:
    """A short text that changes when a segment is renamed, added, removed, or a voxel of one is changed.

    It survives saving and loading, which crop the stored images and renumber the labels: of each segment only its
    bounding box counts.
    """
    segmentation = segmentationNode.GetSegmentation()
    rows = []
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        rows.append([segmentation.GetNthSegmentID(index), segment.GetName(), _shapeOf(segment)])
    return f"{zlib.crc32(json.dumps(rows).encode()):08x}"


def _shapeOf(segment) -> list | None:
    """Checksum, size and place (in millimetres, rounded) of the voxels; None for an empty segment."""
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    image = segment.GetRepresentation("Binary labelmap")
    if image is None or image.IsEmpty() or image.GetPointData().GetScalars() is None:
        return None
    shape = image.GetDimensions()[::-1]
    inside = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape) == segment.GetLabelValue()
    first = []
    for axis in range(3):  # each looks only at what the earlier ones have left
        filled = np.flatnonzero(inside.any(tuple(other for other in range(3) if other != axis)))
        if not len(filled):
            return None
        first.append(int(filled[0]))
        inside = inside[(slice(None),) * axis + (slice(filled[0], filled[-1] + 1),)]
    toWorld = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(toWorld)
    extent = image.GetExtent()
    corner = [extent[2 * (2 - axis)] + first[axis] for axis in range(3)][::-1]
    place = toWorld.MultiplyPoint((*corner, 1.0))[:3]
    # The offset keeps positions away from the rounding boundary, where an error of the file would change the digit.
    return [zlib.crc32(np.packbits(inside)), list(inside.shape), [round(value + 0.0137, 1) for value in place]]
