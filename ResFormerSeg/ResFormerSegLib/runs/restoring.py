"""A result of an earlier session: rebuilt from what was saved with its node."""

from __future__ import annotations

import json
import logging

from ResFormerSegLib.runs.results import ProcessingResult

REPORT, PATIENT = "ResFormerSeg.Report", "ResFormerSeg.Patient"  # attributes of segmentation and table


def restoreResult(segmentationNode, tableNode=None) -> ProcessingResult | None:
    """The result whose report the node holds; None when neither node holds one that can be read.

    segmentationNode: None for a model that does not outline; the report is then that of the table.
    """
    nodes = (segmentationNode, tableNode)
    report = next(filter(None, (_saved(node, REPORT, {"model", "segments", "slices"}) for node in nodes)), None)
    if report is None:
        return None
    diagnosis = report.get("diagnosis") or {}
    return ProcessingResult(
        segmentationNode=segmentationNode,
        tableNode=tableNode,
        diagnosis=diagnosis.get("label"),
        probability=diagnosis.get("probability"),
        probabilities=dict(diagnosis.get("probabilities", {})),
        report=report,
        warnings=list(report.get("warnings", [])),
        patient=next(filter(None, (_saved(node, PATIENT, {"cases", "diagnosis", "cardiac_function"}) for node in nodes)), None),
    )


def _saved(node, attribute: str, entries: set[str]) -> dict | None:
    """What was saved with the node under that name; None when it cannot be read or lacks one of the entries."""
    text = node.GetAttribute(attribute) if node is not None else None
    if not text:
        return None
    try:
        saved = json.loads(text)
    except ValueError as error:
        logging.warning("%s of '%s' cannot be read: %s", attribute, node.GetName(), error)
        return None
    return saved if isinstance(saved, dict) and entries <= set(saved) else None
