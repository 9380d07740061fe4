"""The diagnosis of a patient from two images of the heart, at end-diastole and at end-systole, and its file.

The groups of patients of ACDC are defined by volumes, ejection fractions and wall thickness (Bernard et al., IEEE TMI
37(11):2514, 2018), which no single phase shows. A model whose descriptor has ``patient_diagnosis`` brings a multinomial
logistic regression on cardiac function parameters of its own segmentations. The network's diagnosis of each phase stays
in that phase's report and is no input: the network has seen the images of the training patients, so a regression fitted
on the same patients would rely on it too much.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.special import softmax

from resformer_unet import NOT_FOR_CLINICAL_USE
from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.cardiac.function_parameters import MYOCARDIAL_DENSITY, cardiac_function, end_diastole_first
from resformer_unet.cardiac.phase_warnings import phase_warnings
from resformer_unet.errors import EngineError
from resformer_unet.inference.reliability import reasons_of, reliability
from resformer_unet.inference.result_warnings import low_confidence_warning
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import find_model

RULE = "cardiac_function"


def regression_inputs(function: Mapping[str, float]) -> dict[str, float]:
    """The inputs of the regression by their names, from :func:`.cardiac_function`.

    Volumes and their ratios are logarithms, so that twice and half the volume have the same weight.
    """
    lvedv, rvedv, myocardium = function["lvedv_ml"], function["rvedv_ml"], function["lv_mass_g"] / MYOCARDIAL_DENSITY
    volumes = {
        "log_lvedv_ml": lvedv,
        "log_rvedv_ml": rvedv,
        "log_myocardial_volume_ml": myocardium,
        "log_myocardial_volume_to_lvedv": myocardium / lvedv,
        "log_rvedv_to_lvedv": rvedv / lvedv,
    }
    unchanged = ("lvef", "rvef", *(name for name in function if name.startswith("wall_thickness_")))
    return {
        **{name: float(np.log(value)) for name, value in volumes.items()},
        **{name: function[name] for name in unchanged},
    }


def patient_probabilities(inputs: np.ndarray, regression: Mapping) -> np.ndarray:
    """Probabilities (n, diagnoses) of inputs (n, inputs), in the order of ``regression["inputs"]``.

    Args:
        regression: ``patient_diagnosis`` of a descriptor: ``mean`` and ``std`` of the inputs, ``weights`` (inputs,
            diagnoses), ``bias`` (diagnoses,).
    """
    scaled = (inputs - np.array(regression["mean"])) / np.array(regression["std"])
    return softmax(scaled @ np.array(regression["weights"]) + np.array(regression["bias"]), axis=-1)


def diagnose_patient(reports: Sequence[Mapping], bundle: ModelBundle) -> dict:
    """The diagnosis of a patient from the reports of the model's predictions for two images.

    Their order does not matter: the image with the larger left ventricle is end-diastole.

    Returns:
        ``cases`` (names, end-diastole first), ``model``, ``diagnosis`` as in a prediction's report,
        ``cardiac_function`` of :func:`.cardiac_function`, ``warnings`` as in a report, ``reliable`` and ``reasons``
        of the pair and of both images, ``not_for_clinical_use``.

    Raises:
        EngineError: MODEL_WITHOUT_PATIENTS, PATIENT_NEEDS_TWO, HEART_NOT_FOUND; PATIENT_MODELS_DIFFER for reports of
            another model; MODEL_DESCRIPTOR_INVALID for a regression on unknown inputs.
    """
    regression = require_patients(bundle, len(reports))
    if any(report["model"]["sha256"] != bundle.descriptor["weights"]["sha256"] for report in reports):
        raise EngineError(
            "PATIENT_MODELS_DIFFER",
            "The two images were not segmented by this model.",
            "Segment both with this model first.",
        )
    diastole, systole = end_diastole_first(reports)
    function = cardiac_function(diastole, systole)
    probabilities = patient_probabilities(_chosen_inputs(function, regression, bundle), regression)
    best = bundle.diagnoses[int(probabilities.argmax())]
    warnings = [*phase_warnings(diastole, systole), *low_confidence_warning(bundle, probabilities)]
    reasons = [*reasons_of(diastole), *reasons_of(systole), *(row["code"] for row in warnings)]
    return {
        "cases": [diastole["case"], systole["case"]],
        "model": dict(diastole["model"]),
        "diagnosis": {
            "label": best["id"],
            "name": best["name"],
            "code": best["code"],
            "probability": float(probabilities.max()),
            "probabilities": {
                entry["id"]: float(value) for entry, value in zip(bundle.diagnoses, probabilities, strict=True)
            },
            "rule": RULE,
            "rule_text": regression["rule_text"],
            "calibrated": False,
        },
        "cardiac_function": function,
        "warnings": warnings,
        **reliability(reasons),
        "not_for_clinical_use": NOT_FOR_CLINICAL_USE,
    }


def require_patients(bundle: ModelBundle, images: int) -> Mapping:
    """The model's ``patient_diagnosis``.

    Raises:
        EngineError: MODEL_WITHOUT_PATIENTS, PATIENT_NEEDS_TWO.
    """
    regression = bundle.descriptor.get("patient_diagnosis")
    if regression is None:
        raise EngineError(
            "MODEL_WITHOUT_PATIENTS",
            f"The model {bundle.id} diagnoses single images, not patients.",
            "Predict each image by itself.",
        )
    if images != 2:
        raise EngineError(
            "PATIENT_NEEDS_TWO",
            f"The diagnosis of a patient needs two images, at end-diastole and end-systole; {images} given.",
            "Give exactly these two.",
        )
    return regression


def check_patient(name: str, inputs: Sequence[Path], model: str) -> None:
    """Refuse, before any image is read, what cannot end in the diagnosis of a patient.

    Raises:
        EngineError: PATIENT_NAME, MODEL_WITHOUT_PATIENTS, PATIENT_NEEDS_TWO.
    """
    if not re.fullmatch(r"[^/\\:*?\"<>|]+", name):
        raise EngineError("PATIENT_NAME", f"“{name}” cannot be part of a file name.", "Choose another name.")
    require_patients(find_model(model), len(inputs))


def write_patient(name: str, reports: Sequence[dict], model: str, output: Path) -> dict:
    """Write ``<name>.patient.json`` into the folder ``output`` and return its content, see :func:`diagnose_patient`."""
    patient = {"patient": name, **diagnose_patient(reports, find_model(model))}
    text = json.dumps(patient, indent=2, ensure_ascii=False, allow_nan=False)
    atomic_write_text(output / f"{name}.patient.json", text + "\n")
    return patient


def _chosen_inputs(function: Mapping[str, float], regression: Mapping, bundle: ModelBundle) -> np.ndarray:
    inputs = regression_inputs(function)
    if unknown := [name for name in regression["inputs"] if name not in inputs]:
        raise EngineError(
            "MODEL_DESCRIPTOR_INVALID",
            f"The patient diagnosis of the model {bundle.id} has unknown inputs: {', '.join(unknown)}.",
            "Get the model again, or install a newer version of ResFormerSeg.",
        )
    return np.array([inputs[name] for name in regression["inputs"]])
