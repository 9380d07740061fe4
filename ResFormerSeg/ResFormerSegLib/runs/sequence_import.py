"""Puts the result of a sequence into the scene: a sequence of segmentations in the same browser, and a table."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import nullcontext

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.runs.sequence_results import SequenceResult, failedFrames, saveSequenceResult
from ResFormerSegLib.runs.task import notImported
from ResFormerSegLib.scene.result_display import styleSegmentation
from ResFormerSegLib.scene.result_nodes import REPORT, VOLUME_ROLE, addNodeBeside
from ResFormerSegLib.scene.result_visibility import showOnly
from ResFormerSegLib.scene.scene_changes import allOrNothing, placeBeside
from ResFormerSegLib.scene.segmentation_import import addSegments
from ResFormerSegLib.scene.sequences import VolumeSequence, addedToBrowser, newSequence


def importSequence(
    source: VolumeSequence,
    report: dict,
    reports: list[dict | None],
    labelMaps: list[list],
    heartReports: list[dict | None],
) -> Generator[None, None, SequenceResult]:
    """Adds the nodes, all or nothing. The sequence is made outside the scene, a frame at a time.

    report: of the sequence. reports, labelMaps: of each of its frames; None and an empty list for one that failed: its
    segments are empty.
    """
    volumeNode = source.proxy
    sequenceNode = None
    try:
        if report["segments"]:
            name = slicer.mrmlScene.GenerateUniqueName(_("{name} segmentation").format(name=volumeNode.GetName()))
            sequenceNode = newSequence(source, name)
            for row, own, maps in zip(report["frames"], reports, labelMaps, strict=True):
                yield
                _addFrame(sequenceNode, source.indexValues[row["index"]], report["segments"], own, maps, volumeNode)
        adding = nullcontext() if sequenceNode is None else addedToBrowser(source, sequenceNode)
        with allOrNothing(), adding as segmentationNode:
            if segmentationNode is not None:
                styleSegmentation(segmentationNode, volumeNode)
                segmentationNode.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
                segmentationNode.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
                segmentationNode.SetNodeReferenceID(VOLUME_ROLE, volumeNode.GetID())
                placeBeside(segmentationNode, volumeNode)
            name = _("{name} frames").format(name=volumeNode.GetName())
            tableNode = addNodeBeside(volumeNode, "vtkMRMLTableNode", name)
            fillFrameTable(tableNode, report)
            result = SequenceResult(
                segmentationNode, sequenceNode, tableNode, source.browser, volumeNode, report, report["warnings"],
                heartReports,
            )  # fmt: skip
            saveSequenceResult(result)
    except Exception as error:
        raise notImported(error) from error
    showOnly(segmentationNode)
    return result


def fillFrameTable(tableNode, report: dict) -> None:
    """Columns: frame, time, "P(<class>)", size of each segment in ml, mm² or pixels; of a heart its phases.

    Where frames failed, a last column has the reason; their figures are NaN.
    """
    import numpy as np

    rows = report["frames"]
    columns = {_("Frame"): np.array([row["index"] for row in rows], np.int32)}
    if report["times_known"]:
        columns[_("Time (s)")] = np.array([row["time_s"] for row in rows], np.float64)
    for label in next((row["probabilities"] for row in rows if row["probabilities"]), {}):
        values = [row["probabilities"].get(label, np.nan) for row in rows]
        columns[_("P({label})").format(label=label)] = np.array(values, np.float64)
    measure, unit, factor = sizeOf(report)
    for segment in report["segments"]:
        values = [row["segments"].get(segment["id"], {}).get(measure) for row in rows]
        title = _("{segment} ({unit})").format(segment=segment["name"], unit=unit)
        columns[title] = np.array([np.nan if value is None else value * factor for value in values], np.float64)
    slicer.util.updateTableFromArray(tableNode, list(columns.values()), list(columns))
    if heart := report.get("heart"):
        names = {heart["end_diastole"]: _("end-diastole"), heart["end_systole"]: _("end-systole")}
        tableNode.AddColumn(_textColumn(_("Phase"), [names.get(row["index"], "") for row in rows]))
    if failedFrames(report):
        tableNode.AddColumn(_textColumn(_("Failed"), [row.get("message", "") for row in rows]))
    tableNode.SetUseColumnTitleAsColumnHeader(True)


def sizeOf(report: dict) -> tuple[str, str, float]:
    """How the segments of a sequence are measured: the entry of a row's segments, the unit, and the factor to it."""
    figures = [figures for row in report["frames"] for figures in row["segments"].values()]
    if any(one["area_mm2"] is not None for one in figures):
        return "area_mm2", _("mm²"), 1.0
    if any(one["volume_mm3"] is not None for one in figures):
        return "volume_mm3", _("ml"), 0.001
    return "voxels", _("pixels"), 1.0


def _textColumn(title: str, values: list[str]):
    column = vtk.vtkStringArray()
    column.SetName(title)
    for value in values:
        column.InsertNextValue(value)
    return column


def _addFrame(
    sequenceNode, indexValue: str, segments: list[dict], report: dict | None, labelMaps: list, volumeNode
) -> None:
    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(sequenceNode.GetName())
    addSegments(node, labelMaps or [None] * len(segments), segments)
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    if report is None:
        sequenceNode.SetDataNodeAtValue(node, indexValue)
        return
    # The browser replaces the attributes of the node in the scene by these, with each frame.
    node.SetAttribute(REPORT, json.dumps(report))
    node.SetAttribute("ResFormerSeg.Model", f"{report['model']['id']} {report['model']['version']}")
    sequenceNode.SetDataNodeAtValue(node, indexValue)
