"""A result of an earlier session: rebuilt from what was saved with its node."""

from __future__ import annotations

import json
import logging

from ResFormerSegLib.result import ProcessingResult

REPORT = "ResFormerSeg.Report"  # attribute of segmentation and table


def restoreResult(segmentationNode, tableNode=None) -> ProcessingResult | None:
    """The result whose report the node holds; None when neither node holds one that can be read.

    segmentationNode: None for a model that does not outline; the report is then that of the table.
    """
    report = None
    for node in (segmentationNode, tableNode):
        report = report or _reportOf(node)
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
    )


def _reportOf(node) -> dict | None:
    text = node.GetAttribute(REPORT) if node is not None else None
    if not text:
        return None
    try:
        report = json.loads(text)
    except ValueError as error:
        logging.warning("The report of '%s' cannot be read: %s", node.GetName(), error)
        return None
    complete = isinstance(report, dict) and {"model", "segments", "slices"} <= set(report)
    return report if complete else None
