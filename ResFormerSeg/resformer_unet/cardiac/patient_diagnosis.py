"""One diagnosis of a patient from two images of the heart, at end-diastole and at end-systole.

What tells the groups of patients of ACDC apart is how much the heart holds, how much of it it throws out, and how
thick its wall is (Bernard et al., IEEE TMI 37(11):2514, 2018), which no single phase shows. A model whose descriptor
has ``patient_diagnosis`` brings a multinomial logistic regression on such measures of its own outlines. The network's
own answer for each phase stays in that phase's report and does not enter: it has seen the training patients' images,
so a regression on the same patients would trust it too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet import NOT_FOR_CLINICAL_USE
from resformer_unet.errors import EngineError
from resformer_unet.inference.result_warnings import low_confidence_warning
from resformer_unet.model.bundle import ModelBundle

RULE = "heart_measures"
LEAST_EJECTION = 0.03  # of the left ventricle; the worst of ACDC's 100 training patients is 0.10
FARTHEST_APART = 30.0  # mm between the left ventricle's centres in both phases; ACDC's are at most 14 apart
SAME_GRID = 1e-3  # mm by which voxels may differ
SEGMENTS = ("rv", "myocardium", "lv")  # ids that the measures are of


def heart_measures(diastole: Mapping, systole: Mapping) -> dict[str, float]:
    """Measures of a heart from the reports of two predictions.

    A wall is as thick as the difference between the radii of two discs, one with the area of the left ventricle and
    the myocardium of a slice, the other with that of the left ventricle alone.

    Returns:
        Volumes in ml at end-diastole, ejection fractions 0 to 1, ratios of volumes at end-diastole, wall thickness in
        mm: largest and mean over the slices at end-diastole and end-systole.

    Raises:
        EngineError: HEART_NOT_FOUND if a chamber or the myocardium is missing in one of the images.
    """
    full, empty = _volumes_ml(diastole), _volumes_ml(systole)
    wall_full, wall_empty = _wall_mm(diastole), _wall_mm(systole)
    return {
        "lv_volume_ml": full["lv"],
        "rv_volume_ml": full["rv"],
        "myocardium_volume_ml": full["myocardium"],
        "lv_ejection_fraction": 1 - empty["lv"] / full["lv"],
        "rv_ejection_fraction": 1 - empty["rv"] / full["rv"],
        "myocardium_to_lv": full["myocardium"] / full["lv"],
        "rv_to_lv": full["rv"] / full["lv"],
        "wall_diastole_max_mm": float(wall_full.max()),
        "wall_diastole_mean_mm": float(wall_full.mean()),
        "wall_systole_max_mm": float(wall_empty.max()),
        "wall_systole_mean_mm": float(wall_empty.mean()),
    }


def regression_inputs(measures: Mapping[str, float]) -> np.ndarray:
    """The measures as the regression takes them: volumes and their ratios as logarithms, so that twice and half weigh
    the same; in the order of the mapping."""
    as_logarithm = ("_ml", "_to_lv")
    return np.array([np.log(value) if name.endswith(as_logarithm) else value for name, value in measures.items()])


def patient_probabilities(inputs: np.ndarray, regression: Mapping) -> np.ndarray:
    """Probabilities (n, diagnoses) of :func:`regression_inputs` (n, inputs).

    Args:
        regression: ``patient_diagnosis`` of a descriptor: ``mean`` and ``std`` of the inputs, ``weights`` (inputs,
            diagnoses), ``bias`` (diagnoses,).
    """
    scaled = (inputs - np.array(regression["mean"])) / np.array(regression["std"])
    logits = scaled @ np.array(regression["weights"]) + np.array(regression["bias"])
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def diagnose_patient(reports: Sequence[Mapping], bundle: ModelBundle) -> dict:
    """The diagnosis of a patient from the reports of the model's predictions for two images.

    Their order is of no importance: the heart is at end-diastole where its left ventricle is larger.

    Returns:
        ``cases`` (names, end-diastole first), ``diagnosis`` as in a prediction's report, ``measures`` of
        :func:`heart_measures`, ``warnings`` as in a report, ``model``, ``not_for_clinical_use``.

    Raises:
        EngineError: MODEL_WITHOUT_PATIENTS, PATIENT_NEEDS_TWO, HEART_NOT_FOUND, or PATIENT_MODELS_DIFFER for reports of
            another model.
    """
    regression = require_patients(bundle, len(reports))
    if any(report["model"]["sha256"] != bundle.descriptor["weights"]["sha256"] for report in reports):
        raise EngineError(
            "PATIENT_MODELS_DIFFER", "The two images were not outlined by this model.", "Outline both with it first."
        )
    diastole, systole = sorted(reports, key=lambda report: -_volumes_ml(report)["lv"])
    measures = heart_measures(diastole, systole)
    probabilities = patient_probabilities(regression_inputs(measures), regression)
    best = bundle.diagnoses[int(probabilities.argmax())]
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
        "measures": measures,
        "warnings": [*phase_warnings(diastole, systole), *low_confidence_warning(bundle, probabilities)],
        "not_for_clinical_use": NOT_FOR_CLINICAL_USE,
    }


def phase_warnings(diastole: Mapping, systole: Mapping) -> list[dict]:
    """Whether two reports hardly are of the two phases of one heart, as rows with ``code`` and ``message``.

    Reports of before there was ``grid`` and ``center_lps`` in them are judged by what they have.
    """
    names = f"“{diastole['case']}” and “{systole['case']}”"
    ejected = 1 - _volumes_ml(systole)["lv"] / _volumes_ml(diastole)["lv"]
    if ejected < LEAST_EJECTION:
        message = (
            f"The left ventricle is as large in {names}: an ejection fraction of {100 * ejected:.0f} % is hardly "
            "possible. Probably both are the same phase; give end-diastole and end-systole."
        )
        return [{"code": "PHASES_ALIKE", "message": message}]
    apart = _millimetres_apart(diastole, systole)
    if _same_grid(diastole, systole) and apart <= FARTHEST_APART:
        return []
    reason = "differ in the size or direction of their voxels"
    if apart > FARTHEST_APART:
        reason = f"lie {apart:.0f} mm apart"
    message = (
        f"The hearts in {names} {reason}, so they may be of two patients or of two examinations. Check that both "
        "belong together; if not, measures and diagnosis mean nothing."
    )
    return [{"code": "PHASES_DIFFER", "message": message}]


def _millimetres_apart(first: Mapping, second: Mapping) -> float:
    centres = [row.get("center_lps") for report in (first, second) for row in report["segments"] if row["id"] == "lv"]
    return 0.0 if None in centres else float(np.linalg.norm(np.subtract(*centres)))


def _same_grid(first: Mapping, second: Mapping) -> bool:
    """Whether size, spacing and directions agree; the place may have been changed by hand."""
    one, other = first.get("grid"), second.get("grid")
    if not (one and other):
        return True
    turns = [np.array(grid["affine_lps"])[:3, :3] for grid in (one, other)]
    return one["size"] == other["size"] and np.allclose(*turns, rtol=0, atol=SAME_GRID)


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
            f"A patient's diagnosis needs two images, at end-diastole and end-systole, and there are {images}.",
            "Give exactly these two.",
        )
    return regression


def _volumes_ml(report: Mapping) -> dict[str, float]:
    volumes = {row["id"]: (row["volume_mm3"] or 0) / 1000 for row in report["segments"]}
    missing = [name for name in SEGMENTS if not volumes.get(name)]
    if missing:
        raise EngineError(
            "HEART_NOT_FOUND",
            f"Nothing was outlined as {' and '.join(missing)} in {report['case']}, or its pixels have no size.",
            "Give short-axis volumes of the whole heart at end-diastole and end-systole.",
        )
    return volumes


def _wall_mm(report: Mapping) -> np.ndarray:
    """Mean thickness of the myocardium in each slice that shows it around the left ventricle."""
    areas = np.array([[row["area_mm2"]["lv"], row["area_mm2"]["myocardium"]] for row in report["slices"]])
    inner, wall = areas[(areas > 0).all(1)].T
    if not inner.size:
        raise EngineError(
            "HEART_NOT_FOUND",
            f"No slice of {report['case']} shows the left ventricle with myocardium around it.",
            "Give short-axis volumes of the whole heart at end-diastole and end-systole.",
        )
    return np.sqrt((inner + wall) / np.pi) - np.sqrt(inner / np.pi)
