"""Puts the engine's label layers into a segmentation node: segments with name, colour and terminology.

The import goes layer by layer through a label map image with segment ids, by far the fastest way (0.04 s for 512 x
512 x 200 voxels against 1.5 s segment by segment). Exclusive segments share one layer; overlapping segments have a
layer each.
"""

from __future__ import annotations

import slicer
import vtk

from ResFormerSegLib.scene.volume_export import ExportedVolume

# The vocabularies of 3D Slicer that codes of segments and of anatomic regions are looked up in.
TERMINOLOGY_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
ANATOMY_CONTEXT = "Anatomic codes - DICOM master list"


def importSegments(segmentationNode, layers, segments: list[dict], exported: ExportedVolume) -> None:
    """Replaces the node's segments.

    layers: uint8 (layers, k, j, i), 0 is background. segments: rows of the engine's report with id, name, value (in
    its layer), layer, color (0 to 255) and terminology (or None). A segment that is nowhere in the image stays as an
    empty segment.
    """
    segmentation = segmentationNode.GetSegmentation()
    surface = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    hadSurface = segmentation.ContainsRepresentation(surface)
    segmentation.RemoveAllSegments()
    segmentationNode.SetSourceRepresentationToBinaryLabelmap()
    for index, labels in enumerate(layers):
        members = sorted((row for row in segments if row["layer"] == index), key=lambda row: row["value"])
        _importLayer(segmentationNode, _consecutive(labels, [row["value"] for row in members]), members, exported)
    for row in segments:
        _describe(segmentation.GetSegment(row["id"]), row)
    segmentation.ReorderSegments([row["id"] for row in segments])
    if hadSurface:
        segmentationNode.CreateClosedSurfaceRepresentation()


def _consecutive(labels, values: list[int]):
    """Labels renumbered to 1, 2, 3 ..., as the import takes label n for the n-th id; other labels become background."""
    import numpy as np

    renumber = np.zeros(256, np.uint8)
    renumber[values] = np.arange(1, len(values) + 1)
    if values == list(range(1, len(values) + 1)) and (labels.size == 0 or labels.max() <= len(values)):
        return labels
    return renumber[labels]


def _importLayer(segmentationNode, labels, members: list[dict], exported: ExportedVolume) -> None:
    """Only the box that holds something is kept, as Slicer does it with its own label maps: surfaces of a small lesion
    in 512 x 512 x 200 voxels are then made in 0.1 s instead of 1.1 s, and memory stays free."""
    import numpy as np
    from vtk.util.numpy_support import numpy_to_vtk

    box = _boundingBox(labels)
    if box is None:
        for row in members:
            segmentationNode.GetSegmentation().AddEmptySegment(row["id"])
        return
    cropped = np.ascontiguousarray(labels[tuple(slice(first, last + 1) for first, last in box)])
    image = slicer.vtkOrientedImageData()
    image.SetExtent(*(bound for firstAndLast in reversed(box) for bound in firstAndLast))
    image.SetImageToWorldMatrix(exported.ijkToRas)
    # A deep copy: the segmentation must not share its memory with an array that Python is free to change or drop.
    image.GetPointData().SetScalars(numpy_to_vtk(cropped.ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    ids = vtk.vtkStringArray()
    for row in members:
        ids.InsertNextValue(row["id"])
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    if not logic.ImportLabelmapToSegmentationNode(image, segmentationNode, ids):
        raise RuntimeError(f"the import of the segments {[row['id'] for row in members]} failed")


def _boundingBox(labels) -> list[tuple[int, int]] | None:
    """(first, last) index of anything but background along each axis; None when there is nothing."""
    box = []
    for axis in range(labels.ndim):
        occupied = labels.any(axis=tuple(other for other in range(labels.ndim) if other != axis)).nonzero()[0]
        if not occupied.size:
            return None
        box.append((int(occupied[0]), int(occupied[-1])))
    return box


def _describe(segment, row: dict) -> None:
    segment.SetName(row["name"])
    segment.SetColor(*(component / 255 for component in row["color"]))
    if row.get("terminology"):
        segment.SetTag(segment.GetTerminologyEntryTagName(), _serialize(row["terminology"]))


def _serialize(terminology: dict) -> str:
    """{"category": {"scheme", "value", "meaning"}, "type": {...}, "modifier": optional} in Slicer's notation."""
    codes = []
    for part in ("category", "type", "modifier"):
        code = terminology.get(part) or {"value": "", "scheme": "", "meaning": ""}
        codes += [code["value"], code["scheme"], code["meaning"]]
    anatomy = [ANATOMY_CONTEXT] + [""] * 6  # value, scheme and meaning of the anatomic region and of its modifier
    return slicer.vtkSlicerTerminologiesModuleLogic.SerializeTerminologyEntry(TERMINOLOGY_CONTEXT, *codes, *anatomy)
