"""Finds both phases of a patient whose result is shown: the panel shows that of one volume."""

from __future__ import annotations

from dataclasses import replace

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.results import PatientResult, ProcessingResult
from ResFormerSegLib.runs.saved_results import isSamePatient, restoreResult


def wholeResult(result: ProcessingResult) -> ProcessingResult | PatientResult:
    """The result itself, or the patient's, with both phases.

    Raises ResFormerSegError OTHER_PHASE_MISSING where the other phase is not in the scene any more.
    """
    if not result.patient:
        return result
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
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


def _withoutWarningsOf(other: ProcessingResult, result: ProcessingResult) -> ProcessingResult:
    """The result of one phase, which is shown with the warnings of both, with its own alone."""
    theirs = {f"{other.report['case']}: {warning['message']}" for warning in other.warnings}
    return replace(result, warnings=[row for row in result.warnings if row["message"] not in theirs])
