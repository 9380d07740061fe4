"""What a run over the frames of a sequence returns; saved with the scene, and restored from it."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field

import slicer
from slicer.i18n import tr as _

from resformer_unet.inference.reliability import reasons_of
from ResFormerSegLib.scene.result_nodes import TABLE_ROLE, VOLUME_ROLE

SEQUENCE_REPORT = "ResFormerSeg.SequenceReport"  # attribute of the table of the frames
HEART_REPORTS = "ResFormerSeg.HeartReports"
SEQUENCE_ROLE, BROWSER_ROLE = "ResFormerSeg.Sequence", "ResFormerSeg.Browser"  # from the table


@dataclass(repr=False)
class SequenceResult:
    """The nodes that were made, and the figures of each frame in plain Python types.

    sequenceNode: a segmentation for each frame; None for a model without segmentation, and so is segmentationNode, the
    node by which the browser shows the segmentation of the present frame. tableNode: a row for each frame. report:
    as the command line writes it to `<case>.json` for a sequence, see docs/sequences.md; `report["heart"]` is the
    function of a heart over its cycle, None for other models. warnings: [{"code", "message"}]. volumeNode: the input.
    heartReports: of each frame, for `ResFormerSegLogic.evaluateCine`; empty for other models.
    """

    segmentationNode: slicer.vtkMRMLSegmentationNode | None
    sequenceNode: slicer.vtkMRMLSequenceNode | None
    tableNode: slicer.vtkMRMLTableNode
    browserNode: slicer.vtkMRMLSequenceBrowserNode
    volumeNode: slicer.vtkMRMLScalarVolumeNode | None
    report: dict
    warnings: list[dict[str, str]]
    heartReports: list[dict | None] = field(default_factory=list)

    def __repr__(self) -> str:
        model, frames = self.report["model"], self.report["frames"]
        first = f"{type(self).__name__} of '{self.report['case']}' by {model['id']} {model['version']}"
        return f"{first}\n  {_('frames: {count}').format(count=len(frames))}"

    @property
    def heart(self) -> dict | None:
        return self.report.get("heart")

    @property
    def frames(self) -> list[dict]:
        """A row for each frame: index, time_s, status, diagnosis, probability, probabilities, segments, warnings ...

        A frame that could not be predicted has the status "failed", with error (a code) and message, and no figures.
        """
        return self.report["frames"]

    @property
    def reliable(self) -> bool:
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        return reasons_of(self.heart or self.report)


def failedFrames(report: dict) -> list[dict]:
    """The rows of the frames that failed, of the report of a sequence."""
    return [row for row in report["frames"] if row.get("status") == "failed"]


def saveSequenceResult(result: SequenceResult) -> None:
    """To the table, which the browser leaves alone."""
    table = result.tableNode
    table.SetAttribute(SEQUENCE_REPORT, json.dumps({**result.report, "warnings": result.warnings}))
    table.SetAttribute(HEART_REPORTS, json.dumps(result.heartReports) if result.heartReports else None)
    references = {VOLUME_ROLE: result.volumeNode, SEQUENCE_ROLE: result.sequenceNode, BROWSER_ROLE: result.browserNode}
    for role, node in references.items():
        table.SetNodeReferenceID(role, node.GetID() if node is not None else None)
    if result.segmentationNode is not None:
        result.segmentationNode.SetNodeReferenceID(TABLE_ROLE, table.GetID())


def restoreSequenceResult(tableNode) -> SequenceResult | None:
    """The result that a table holds; None when it holds none, or its browser was deleted."""
    browser = tableNode.GetNodeReference(BROWSER_ROLE) if tableNode is not None else None
    report = _saved(tableNode, SEQUENCE_REPORT)
    if browser is None or not isinstance(report, dict) or not {"frames", "model", "segments"} <= set(report):
        return None
    sequence = tableNode.GetNodeReference(SEQUENCE_ROLE)
    return SequenceResult(
        segmentationNode=browser.GetProxyNode(sequence) if sequence is not None else None,
        sequenceNode=sequence,
        tableNode=tableNode,
        browserNode=browser,
        volumeNode=tableNode.GetNodeReference(VOLUME_ROLE),
        report=report,
        warnings=list(report.get("warnings", [])),
        heartReports=_saved(tableNode, HEART_REPORTS) or [],
    )


def _saved(node, attribute: str):
    text = node.GetAttribute(attribute) if node is not None else None
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        logging.warning("%s of '%s' cannot be read: %s", attribute, node.GetName(), error)
        return None
