"""What the report of a patient's heart is made from: both phases, and their figures after segments were edited."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from resformer_unet.cardiac.function_parameters import cardiac_function
from resformer_unet.cardiac.phase_warnings import phase_warnings
from resformer_unet.errors import EngineError
from resformer_unet.inference.reliability import UNRELIABLE, reasons_of
from resformer_unet.report.case import ReportCase

PHASES = ("End-diastole", "End-systole")
_SAME = 1e-4  # share by which a volume may differ from the one that was written


@dataclass(frozen=True)
class PatientCase:
    """The diagnosis of a patient from two phases.

    Attributes:
        patient: as ``docs/prediction-report.md`` describes it; ``cardiac_function`` is that of the segments as they
            are, or ``None`` where they were edited so that it cannot be calculated.
        phases: at end-diastole and at end-systole.
        notes: {"code", "message"} about this report, to be shown with the warnings.
    """

    patient: dict
    phases: tuple[ReportCase, ReportCase]
    notes: tuple[dict[str, str], ...] = ()

    @property
    def edited(self) -> bool:
        return any(case.edited for case in self.phases)

    @property
    def diagnosed(self) -> ReportCase:
        """The end-diastolic phase with the patient's diagnosis in the place of its own."""
        shown = {"diagnosis": self.patient["diagnosis"], "reasons": reasons_of(self.patient)}
        first = self.phases[0]
        return replace(first, report={**first.report, **shown, "reliable": not shown["reasons"]})


def make_patient_case(patient: dict, cases: Sequence[ReportCase]) -> PatientCase:
    """Put the phases into their order; measure anew what follows from edited segments.

    The diagnosis stays that of the run.

    Args:
        cases: of both phases, in any order, their sizes those of the segments as they are.

    Raises:
        EngineError: PATIENT_MISMATCH.
    """
    by_name = {case.report["case"]: case for case in cases}
    if len(cases) != 2 or set(by_name) != set(patient["cases"]):
        raise _mismatch(f"it names {' and '.join(patient['cases'])}, not {' and '.join(by_name)}")
    first, second = phases = tuple(by_name[name] for name in patient["cases"])
    if any(case.report["model"]["sha256"] != patient["model"]["sha256"] for case in phases):
        raise _mismatch("they are of another model")
    if not (first.edited or second.edited):
        function = cardiac_function(first.report, second.report)
        if not all(math.isclose(function[name], value, rel_tol=_SAME, abs_tol=_SAME)
                   for name, value in patient["cardiac_function"].items() if name in function):  # fmt: skip
            raise _mismatch("their volumes are not those of the diagnosis")
        return PatientCase(patient, phases)
    try:
        function = cardiac_function(first.report, second.report)
        found = phase_warnings(first.report, second.report)
    except EngineError as error:
        message = (  # without the names of the images, which a page may not say
            "In one phase a ventricle or the myocardium is missing since the segments were changed. The cardiac "
            "function cannot be calculated."
        )
        note = {"code": error.code, "message": message}
        return PatientCase({**patient, "cardiac_function": None}, phases, (note,))
    return PatientCase(_judged_anew({**patient, "cardiac_function": function}, found), phases)


def _judged_anew(patient: dict, found: list[dict[str, str]]) -> dict:
    """With what is said of the phases now, beside what was said of them in the run."""
    known = {row["code"] for row in patient["warnings"]}
    warnings = [*patient["warnings"], *(row for row in found if row["code"] not in known)]
    codes = {*reasons_of(patient), *(row["code"] for row in found)}
    reasons = [code for code in UNRELIABLE if code in codes]
    return {**patient, "warnings": warnings, "reasons": reasons, "reliable": not reasons}


def _mismatch(reason: str) -> EngineError:
    return EngineError(
        "PATIENT_MISMATCH",
        f"The results of both phases do not belong to this patient's diagnosis: {reason}.",
        "Diagnose the patient again, from both phases.",
    )
