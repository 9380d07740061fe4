"""The diagnosis of a patient as a file beside those of the two images that it was made of."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.cardiac.patient_diagnosis import diagnose_patient, require_patients
from resformer_unet.errors import EngineError
from resformer_unet.model.catalog import find_model


def check_patient(name: str, inputs: Sequence[Path], model: str) -> None:
    """Refuses, before the long work begins, what cannot end in a patient's diagnosis.

    Raises:
        EngineError: PATIENT_NAME, MODEL_WITHOUT_PATIENTS, PATIENT_NEEDS_TWO.
    """
    if not re.fullmatch(r"[^/\\:*?\"<>|]+", name):
        raise EngineError("PATIENT_NAME", f"“{name}” cannot be part of a file's name.", "Choose another name.")
    require_patients(find_model(model), len(inputs))


def write_patient(name: str, reports: Sequence[dict], model: str, output: Path) -> dict:
    """Writes ``<name>.patient.json`` and returns its content, see :func:`.diagnose_patient`."""
    patient = {"patient": name, **diagnose_patient(reports, find_model(model))}
    text = json.dumps(patient, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write_text(output / f"{name}.patient.json", text + "\n")
    return patient
