"""A label map as a segmentation, so that a result can be compared with it."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError


def addReference(labelMapNode, resultNode, report: dict):
    """A hidden segmentation with a segment for each label; the caller removes it by `removeReference`.

    Labels without the name of a segment of the result are named by their values, after the segments of those values in
    the report: a label map has no names of its own. Raises ResFormerSegError REFERENCE_UNREADABLE.
    """
    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(labelMapNode.GetName())
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    slicer.mrmlScene.AddNode(node)
    # Before the import, which brings the voxels from the label map's frame to that of the segmentation.
    node.SetAndObserveTransformNodeID(labelMapNode.GetTransformNodeID())
    if not slicer.vtkSlicerSegmentationsModuleLogic.ImportLabelmapToSegmentationNode(labelMapNode, node):
        removeReference(node)
        raise ResFormerSegError(
            "REFERENCE_UNREADABLE",
            _("The label map '{name}' cannot be read as a segmentation.").format(name=labelMapNode.GetName()),
            _("Convert it to a segmentation in the Segmentations module, and select that."),
        )
    _nameByValue(node.GetSegmentation(), resultNode.GetSegmentation(), report["segments"])
    return node


def removeReference(node) -> None:
    if node.GetDisplayNode() is not None:  # the import of the label map made it
        slicer.mrmlScene.RemoveNode(node.GetDisplayNode())
    slicer.mrmlScene.RemoveNode(node)


def _nameByValue(reference, result, rows: list[dict]) -> None:
    values = [row.get("value") for row in rows]
    if len(set(values)) < len(values):  # overlapping segments: a value stands for several
        return
    names = {row.get("value"): result.GetSegment(row["id"]).GetName() for row in rows if result.GetSegment(row["id"])}
    segments = [reference.GetNthSegment(index) for index in range(reference.GetNumberOfSegments())]
    if {segment.GetName().strip().casefold() for segment in segments} & {name.casefold() for name in names.values()}:
        return
    for segment in segments:
        if segment.GetLabelValue() in names:
            segment.SetName(names[segment.GetLabelValue()])
