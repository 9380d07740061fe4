"""Fills the nodes of a result that are not segmentations: the table of the slices, and volumes of computed values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.scene.scene_changes import placeBeside
from ResFormerSegLib.scene.volume_export import ExportedVolume

REPORT = "ResFormerSeg.Report"  # attribute of the segmentation and the table of a result
# Node references: from both to the image, and to the image of the other cardiac phase; from the segmentation to the
# table; from volumes that were computed of an image to that image.
VOLUME_ROLE, OTHER_VOLUME_ROLE, TABLE_ROLE = "ResFormerSeg.Volume", "ResFormerSeg.OtherVolume", "ResFormerSeg.Table"


def addNodeBeside(volumeNode, className: str, name: str):
    """A new node of an unused name, beside the volume in the subject hierarchy."""
    node = slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))
    placeBeside(node, volumeNode)
    return node


@contextmanager
def tableKept(tableNode) -> Iterator[None]:
    """When the block fails, the table has its old content again. tableNode: None for none."""
    before = vtk.vtkTable()
    if tableNode is not None:
        before.DeepCopy(tableNode.GetTable())
    try:
        yield
    except BaseException:
        if tableNode is not None:
            tableNode.GetTable().DeepCopy(before)
        raise


def fillDiagnosisTable(tableNode, report: dict) -> None:
    """Columns: the slice's index along the report's array axis, "P(<class>)" from 0 to 1, "<segment> (voxels)"."""
    import numpy as np

    rows = report["slices"]
    columns = {_("Slice"): np.array([row["index"] for row in rows], np.int32)}
    for label in (report["diagnosis"] or {}).get("probabilities", {}):
        title = _("P({label})").format(label=label)
        columns[title] = np.array([(row["probabilities"] or {}).get(label, np.nan) for row in rows], np.float64)
    for segment in report["segments"]:
        title = _("{segment} (voxels)").format(segment=segment["name"])
        columns[title] = np.array([(row["voxels"] or {}).get(segment["id"], 0) for row in rows], np.int32)
    slicer.util.updateTableFromArray(tableNode, list(columns.values()), list(columns))
    tableNode.SetUseColumnTitleAsColumnHeader(True)


def fillScalarVolume(
    node, scalars: vtk.vtkDataArray, exported: ExportedVolume, valueRange: tuple[float, float]
) -> None:
    """Gives the node the values and the exported volume's geometry.

    scalars: VTK array in the order of the volume's voxels. valueRange: shown from black to white; Slicer's automatic
    window takes a while for a large volume.
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(exported.shape))
    image.GetPointData().SetScalars(scalars)
    node.SetIJKToRASMatrix(exported.ijkToRas)
    node.CreateDefaultDisplayNodes()
    display = node.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(*valueRange)
    node.SetAndObserveImageData(image)
