"""Finds both phases of a patient whose result is shown: the panel shows that of one volume."""

from __future__ import annotations

from dataclasses import replace

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.results import PatientResult, ProcessingResult
from ResFormerSegLib.runs.saved_results import OTHER_RESULT_ROLE, isSamePatient, restoreResult


def wholeResult(result: ProcessingResult) -> ProcessingResult | PatientResult:
    """The result itself, or the patient's, with both phases of its run.

    Raises ResFormerSegError OTHER_PHASE_MISSING where the other phase is not in the scene any more.
    """
    if not result.patient:
        return result
    for node in _candidates(result.segmentationNode):
        other = None if node is result.segmentationNode else restoreResult(node)
        if other is None or other.volumeNode is None or other.volumeNode is not result.otherVolumeNode:
            continue
        if isSamePatient(other.patient, result.patient) and other.report["case"] != result.report["case"]:
            return PatientResult(_withoutWarningsOf(other, result), other, result.patient)
    raise ResFormerSegError(
        "OTHER_PHASE_MISSING",
        _("The report of a patient is on both cardiac phases, and the result of the other one is not in the scene."),
        _("Run both volumes again."),
    )


def _candidates(segmentationNode) -> list:
    """Where the other phase may be: of a run of an earlier version that is not known, the newest comes first. Runs of
    the same volumes have the same entries; what the user has edited in one of them is not the other one's."""
    if segmentationNode is not None and (known := segmentationNode.GetNodeReference(OTHER_RESULT_ROLE)) is not None:
        return [known]
    return list(reversed(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")))


def _withoutWarningsOf(other: ProcessingResult, result: ProcessingResult) -> ProcessingResult:
    """The result of one phase, which is shown with the warnings of both, with its own alone."""
    theirs = {f"{other.report['case']}: {warning['message']}" for warning in other.warnings}
    return replace(result, warnings=[row for row in result.warnings if row["message"] not in theirs])
