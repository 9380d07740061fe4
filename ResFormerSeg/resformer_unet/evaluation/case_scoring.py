"""Scores the prediction for one case of a data set against its reference mask and label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.data.dataset import Case, read_case_image, read_case_segments
from resformer_unet.evaluation.metrics import overlap
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.postprocessing.case_probabilities import case_probabilities, slice_probabilities

if TYPE_CHECKING:
    from resformer_unet.inference.prediction import Prediction
    from resformer_unet.inference.predictor import Predictor

Change = Callable[[MedicalImage, "np.ndarray | None"], tuple[MedicalImage, "np.ndarray | None"]]


def score_case(case: Case, predictor: Predictor, change: Change | None = None) -> tuple[dict, dict]:
    """A row of an evaluation's ``per_case``, and the prediction's report.

    ``change`` gives another image and other reference masks in the place of the case's own, as a stress test does.

    Raises ``EngineError``: those of reading the image and the mask, and of the prediction.
    """
    image, segments = read_case_image(case), predictor.bundle.segments
    references = None
    if case.mask is not None and segments:  # read before predicting: a broken mask then costs no time
        references = read_case_segments(case, image, segments)
    if change:
        image, references = change(image, references)
    prediction = predictor.predict(image)
    diagnosis = prediction.report["diagnosis"]
    row = {
        "case": case.id,
        "group": case.group,
        "volume": min(image.shape) > 1,
        "label": case.label,
        "diagnosis": diagnosis and _case_diagnosis(prediction, predictor.bundle),
        "dice": None,
        "jaccard": None,
        "false_positive": None,
        "segment_false_positive": None,
        "lesion_free_slices": None,
        "out_of_distribution_score": prediction.out_of_distribution_score,
        "warnings": [warning["code"] for warning in prediction.report["warnings"]],
    }
    if references is not None:
        row |= _overlaps(references, prediction, segments)
        row["lesion_free_slices"] = _lesion_free_slices(references, prediction) if row["volume"] else None
    return row, prediction.report


def _overlaps(references: np.ndarray, prediction: Prediction, segments: Sequence[dict]) -> dict:
    """``references``: bool (segments, slices, rows, columns)."""
    dice, jaccard, false_positive = {}, {}, {}
    for segment, reference in zip(segments, references, strict=True):
        predicted = (prediction.layers == segment["value"]).any(axis=0)  # the value occurs in one layer only
        if reference.any():
            dice[segment["id"]], jaccard[segment["id"]] = overlap(predicted, reference)
        else:
            false_positive[segment["id"]] = bool(predicted.any())
    if not dice:
        return {"false_positive": bool(prediction.layers.any()), "segment_false_positive": false_positive}
    return {"dice": dice, "jaccard": jaccard, "segment_false_positive": false_positive or None}


def _case_diagnosis(prediction: Prediction, bundle: ModelBundle) -> dict:
    """The predicted label and probabilities; of a calibrated model also those before calibration."""
    diagnosis = prediction.report["diagnosis"]
    row = {key: diagnosis[key] for key in ("label", "probabilities")}
    if not bundle.descriptor["calibration"]:
        return row
    single = slice_probabilities(prediction.logits, calibration=None)
    whole = case_probabilities(single, prediction.areas, bundle.descriptor["diagnosis"]["rule"])
    return {**row, "uncalibrated": dict(zip(row["probabilities"], whole.tolist(), strict=True))}


def _lesion_free_slices(references: np.ndarray, prediction: Prediction) -> dict[str, int]:
    """Number of slices of a volume whose reference is empty, and of those among them with a segmentation.

    Args:
        references: bool (segments, slices, rows, columns).
    """
    axis = prediction.report["slice_axis"]["array_axis"]
    lesion_free = ~np.moveaxis(references.any(axis=0), axis, 0).any((1, 2))
    return {"slices": int(lesion_free.sum()), "segmented": int((lesion_free & (prediction.areas > 0)).sum())}
