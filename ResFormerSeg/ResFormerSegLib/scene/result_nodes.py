"""Fills the nodes of a result that are not segmentations: the table of the slices, and volumes of computed values."""

from __future__ import annotations

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.scene.scene_changes import placeBeside
from ResFormerSegLib.scene.volume_export import ExportedVolume


def addNodeBeside(volumeNode, className: str, name: str):
    """A new node of an unused name, beside the volume in the subject hierarchy."""
    node = slicer.mrmlScene.AddNewNodeByClass(className, slicer.mrmlScene.GenerateUniqueName(name))
    placeBeside(node, volumeNode)
    return node


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
