"""Operating points: a threshold that new cases of the class reach as often as wanted, and what is said at it."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.tiny_model import tiny_descriptor
from resformer_unet.errors import EngineError
from resformer_unet.model.descriptor import check_descriptor
from resformer_unet.training.finish.calibration import DiagnosedCase
from resformer_unet.training.finish.operating_points import operating_point, with_operating_points

CLASSES = [{"id": "benign", "name": "Benign", "code": None}, {"id": "malignant", "name": "Malignant", "code": None}]
ALERT = [CLASSES[0], {**CLASSES[1], "alert": True}]


def drawn(positives: int, negatives: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a class, and whether it is the true one."""
    scores = np.concatenate([random.beta(3, 2, positives), random.beta(2, 4, negatives)])
    return scores, np.arange(positives + negatives) < positives


def diagnosed(count: int, seed: int = 0) -> list[DiagnosedCase]:
    probabilities, positive = drawn(count, count, np.random.default_rng(seed))
    logits = np.log(np.stack([1 - probabilities, probabilities], axis=1))
    return [
        DiagnosedCase(row[None], np.ones(1), int(label), f"g{index}")
        for index, (row, label) in enumerate(zip(logits, positive, strict=True))
    ]


def test_new_cases_of_the_class_reach_the_threshold_as_often_as_wanted():
    random, reached = np.random.default_rng(0), []
    for _ in range(300):
        scores, positive = drawn(19, 40, random)
        threshold = operating_point(scores, positive, np.arange(len(scores)))["threshold"]
        reached.append((random.beta(3, 2, 200) >= threshold).mean())
    assert 0.89 < np.mean(reached) < 0.93


def test_the_threshold_is_a_case_that_still_reaches_it():
    scores = np.array([*np.arange(1, 20) / 20, 0.02, 0.06, 0.5])
    positive = np.arange(22) < 19
    point = operating_point(scores, positive, np.arange(22))
    assert point["threshold"] == pytest.approx(0.1)  # the second lowest of nineteen
    assert point["positives"] == 19 and point["negatives"] == 3
    assert point["specificity"] == pytest.approx(2 / 3, abs=1e-3)


def test_a_diagnosis_more_probable_than_all_others_together_is_never_below_its_threshold():
    scores, positive = np.concatenate([np.linspace(0.8, 0.99, 30), np.linspace(0.01, 0.2, 30)]), np.arange(60) < 30
    point = operating_point(scores, positive, np.arange(60))
    assert point["threshold"] == 0.5
    assert point["sensitivity"] == 1 and point["specificity"] == 1


def test_sensitivity_is_measured_on_groups_that_the_threshold_was_not_fitted_to():
    low = np.full(10, 0.1)  # one patient, with all of the lowest probabilities
    scores = np.concatenate([low, np.linspace(0.6, 0.9, 20), [0.05, 0.3]])
    positive = np.arange(32) < 30
    alone = operating_point(scores, positive, np.arange(32))
    together = operating_point(scores, positive, np.array([0] * 10 + list(range(1, 23))))
    assert alone["sensitivity"] == 1 and together["sensitivity"] == pytest.approx(20 / 30, abs=1e-3)


@pytest.mark.parametrize(("positives", "known"), [(8, False), (9, True)])
def test_too_few_cases_promise_no_sensitivity(positives, known):
    scores, positive = drawn(positives, 30, np.random.default_rng(0))
    assert (operating_point(scores, positive, np.arange(len(scores))) is not None) is known


def test_only_diagnoses_with_alert_get_an_operating_point():
    benign, malignant = with_operating_points(ALERT, diagnosed(40), None, "validation split")
    assert "operating_point" not in benign
    point = malignant["operating_point"]
    assert point["fitted_on"] == "validation split, 80 cases, by cross-validation"
    assert with_operating_points(CLASSES, diagnosed(40), None, "x") == CLASSES
    assert with_operating_points(ALERT, [], None, "x") == ALERT


def test_the_threshold_is_one_of_calibrated_probabilities():
    sharper = {"method": "temperature", "temperature": 0.5}
    cases = diagnosed(200)
    blunt = [DiagnosedCase(case.logits / 2, case.weights, case.label, case.group) for case in cases]
    plain = with_operating_points(ALERT, cases, None, "x")[1]["operating_point"]["threshold"]
    calibrated = with_operating_points(ALERT, blunt, sharper, "x")[1]["operating_point"]["threshold"]
    assert calibrated == pytest.approx(plain, abs=0.07)


def test_the_descriptor_takes_it_and_refuses_one_without_alert(tmp_path):
    rows = with_operating_points(ALERT, diagnosed(40), None, "validation split")
    weights = {"file": "weights.safetensors", "sha256": "0" * 64, "bytes": 1, "dtype": "float16"}
    descriptor = {**tiny_descriptor(), "weights": weights}
    descriptor["diagnosis"]["classes"] = rows
    check_descriptor(descriptor, tmp_path)
    del rows[1]["alert"]
    with pytest.raises(EngineError, match="the class malignant has an operating_point, but no alert"):
        check_descriptor(descriptor, tmp_path)
