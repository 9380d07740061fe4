"""Results in the attributes of their nodes: saved with the scene, and restored in a later session."""

from __future__ import annotations

import json
import logging

import slicer

from ResFormerSegLib.runs.results import PatientResult, ProcessingResult
from ResFormerSegLib.scene.result_nodes import OTHER_VOLUME_ROLE, REPORT, TABLE_ROLE, VOLUME_ROLE
from ResFormerSegLib.scene.shown_frame import FRAME, OTHER_FRAME, VOXELS

PATIENT = "ResFormerSeg.Patient"  # attribute of segmentation and table
OTHER_RESULT_ROLE = "ResFormerSeg.OtherResult"  # from the segmentation of a phase to that of the other one
_PATIENT_ENTRIES = {"cases", "diagnosis", "cardiac_function"}
_OF_BODY = ("body", "indexed")


def saveWithNodes(result: ProcessingResult) -> None:
    """Writes the result to segmentation and table, also for scripts that read the scene without this module.

    The report that is saved has all warnings, those of the run as well.
    """
    model = result.report["model"]
    attributes = {
        "ResFormerSeg.Model": f"{model['id']} {model['version']}",
        REPORT: json.dumps({**result.report, "warnings": result.warnings}),
        PATIENT: None if result.patient is None else json.dumps(result.patient),
        "ResFormerSeg.Diagnosis": result.diagnosis,
        "ResFormerSeg.Probability": None if result.probability is None else f"{result.probability:.4f}",
        "ResFormerSeg.Reliable": "true" if result.reliable else "false",
        FRAME: result.frame,
        OTHER_FRAME: result.otherFrame,
        VOXELS: result.voxels,
    }
    references = {VOLUME_ROLE: result.volumeNode, OTHER_VOLUME_ROLE: result.otherVolumeNode}
    for node in filter(None, (result.segmentationNode, result.tableNode)):
        for name, value in attributes.items():
            node.SetAttribute(name, value)
        for role, referred in references.items():
            node.SetNodeReferenceID(role, referred.GetID() if referred is not None else None)
    if result.segmentationNode is not None:
        result.segmentationNode.SetNodeReferenceID(TABLE_ROLE, result.tableNode.GetID())
        result.segmentationNode.SetNodeReferenceID(OTHER_RESULT_ROLE, None)


def saveTogether(result: PatientResult) -> None:
    """Writes to the nodes of both phases, which are saved, that they are of one run."""
    saveWithNodes(result.forDisplay())  # the first volume's result also shows the warnings of the second
    nodes = result.first.segmentationNode, result.second.segmentationNode
    if None not in nodes:
        for node, other in (nodes, reversed(nodes)):
            node.SetNodeReferenceID(OTHER_RESULT_ROLE, other.GetID())


def savePatient(result: ProcessingResult) -> None:
    """Writes what changed in the patient's entries since `saveWithNodes`, to the nodes of both phases."""
    text = json.dumps(result.patient)
    for node in filter(None, (result.segmentationNode, result.tableNode)):
        node.SetAttribute(PATIENT, text)
    for kind in ("vtkMRMLSegmentationNode", "vtkMRMLTableNode"):
        for node in slicer.util.getNodesByClass(kind):
            volumeNode = node.GetNodeReference(VOLUME_ROLE)
            isOther = volumeNode is not None and volumeNode is result.otherVolumeNode
            if isOther and isSamePatient(_saved(node, PATIENT, _PATIENT_ENTRIES), result.patient):
                node.SetAttribute(PATIENT, text)


def isSamePatient(first: dict | None, second: dict | None) -> bool:
    """Whether two patients' entries are of one run, whatever height and weight were given since."""
    if first is None or second is None:
        return False
    return {**first, **dict.fromkeys(_OF_BODY)} == {**second, **dict.fromkeys(_OF_BODY)}


def restoreResult(segmentationNode, tableNode=None) -> ProcessingResult | None:
    """The result whose report the nodes hold; None when neither node holds one that can be read.

    segmentationNode: None for a model without segmentation; the report is then that of the table.
    """
    nodes = (segmentationNode, tableNode)
    report = next(filter(None, (_saved(node, REPORT, {"model", "segments", "slices"}) for node in nodes)), None)
    if report is None:
        return None
    return ProcessingResult(
        segmentationNode=segmentationNode,
        tableNode=tableNode,
        report=report,
        warnings=list(report.get("warnings", [])),
        volumeNode=_referred(nodes, VOLUME_ROLE),
        otherVolumeNode=_referred(nodes, OTHER_VOLUME_ROLE),
        patient=next(filter(None, (_saved(node, PATIENT, _PATIENT_ENTRIES) for node in nodes)), None),
        frame=_attribute(nodes, FRAME),
        otherFrame=_attribute(nodes, OTHER_FRAME),
        voxels=_attribute(nodes, VOXELS),
    )


def _referred(nodes, role: str):
    return next(filter(None, (node.GetNodeReference(role) for node in nodes if node is not None)), None)


def _attribute(nodes, name: str) -> str | None:
    return next(filter(None, (node.GetAttribute(name) for node in nodes if node is not None)), None)


def _saved(node, attribute: str, entries: set[str]) -> dict | None:
    """The JSON object in a node's attribute; None when it cannot be read or lacks one of the entries."""
    text = node.GetAttribute(attribute) if node is not None else None
    if not text:
        return None
    try:
        saved = json.loads(text)
    except ValueError as error:
        logging.warning("%s of '%s' cannot be read: %s", attribute, node.GetName(), error)
        return None
    return saved if isinstance(saved, dict) and entries <= set(saved) else None
