"""Reads a patient's diagnosis of the command line again, with the results of both phases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from resformer_unet.report.patient_case import PatientCase, make_patient_case
from resformer_unet.report.saved_case import SavedCase, json_of, not_a_report, read_report, read_saved_case

_OF_PATIENT = {"cases", "cardiac_function"}
_NEEDED = {*_OF_PATIENT, "model", "diagnosis", "warnings"}


@dataclass(frozen=True)
class SavedPatient:
    """``phases``: end-diastole first."""

    case: PatientCase
    phases: tuple[SavedCase, SavedCase]


def is_patient(path: Path) -> bool:
    """Whether a JSON file is a patient's diagnosis and not the report of one image.

    Raises:
        EngineError: NOT_A_REPORT.
    """
    return set(json_of(path)) >= _OF_PATIENT


def read_saved_patient(path: Path, source: Path | None = None) -> SavedPatient:
    """Read the patient whose file is ``path``, ``<name>.patient.json``, with the results of both phases beside it.

    Args:
        source: the folder in which both images are now, under their former names, if they are not where they were.

    Raises:
        EngineError: NOT_A_REPORT, PATIENT_MISMATCH, and those of :func:`.read_saved_case`.
    """
    patient = json_of(path)
    if not set(patient) >= _NEEDED or len(patient["cases"]) != 2:
        raise not_a_report(path)
    files = [path.parent / f"{name}.json" for name in patient["cases"]]
    places = [source and source / Path(read_report(file)["input"]).name for file in files]
    phases = tuple(read_saved_case(file, place) for file, place in zip(files, places, strict=True))
    return SavedPatient(make_patient_case(patient, [saved.case for saved in phases]), phases)
