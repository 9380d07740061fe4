"""Figures of merit against values worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from resformer_unet.evaluation.metrics import (
    calibration_error,
    confusion_matrix,
    diagnosis_metrics,
    mean,
    overlap,
    reliability,
    roc_curve,
)

CLASSES = ["a", "b", "c"]


def test_overlap_of_a_volume_is_counted_in_3d():
    predicted, reference = np.zeros((2, 3, 4, 4), bool)
    reference[0] = True  # 16 voxels
    predicted[0, :2] = True  # 8 of them
    predicted[1, 0] = True  # and 4 others
    assert overlap(predicted, reference) == pytest.approx((2 * 8 / (12 + 16), 8 / 20))


@pytest.mark.parametrize(("fill", "expected"), [(True, 1.0), (False, 0.0)])
def test_overlap_of_the_same_and_of_nothing(fill, expected):
    reference = np.ones((1, 5, 5), bool)
    assert overlap(np.full_like(reference, fill), reference) == (expected, expected)


def test_disjoint_masks_do_not_overlap():
    predicted, reference = np.zeros((2, 1, 4, 4), bool)
    predicted[0, 0], reference[0, 3] = True, True
    assert overlap(predicted, reference) == (0.0, 0.0)


def test_overlap_agrees_with_its_definition_on_noise():
    predicted, reference = np.random.default_rng(0).random((2, 4, 20, 20)) < 0.3
    both, either = (predicted & reference).sum(), (predicted | reference).sum()
    assert overlap(predicted, reference) == pytest.approx((2 * both / (both + either), both / either))


def test_a_mean_leaves_out_what_is_not_defined():
    assert mean([1.0, None, 0.0]) == 0.5
    assert mean([None]) is None
    assert mean([]) is None


def test_diagnosis_figures_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.2, 0.1, 0.7]])
    figures = diagnosis_metrics(probabilities, [0, 1, 1, 2, 2], CLASSES)
    assert figures["accuracy"] == pytest.approx(4 / 5)
    assert figures["sensitivity"] == pytest.approx({"a": 1, "b": 0.5, "c": 1})
    assert figures["specificity"] == pytest.approx({"a": 3 / 4, "b": 1, "c": 1})
    assert figures["balanced_accuracy"] == pytest.approx(2.5 / 3)
    assert figures["macro_auc"] == pytest.approx(1.0)


def test_macro_auc_counts_ordered_pairs():
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.6, 0.4], [0.1, 0.9]])
    # of the 4 pairs of one case of each class, 3 are in the right order
    assert diagnosis_metrics(probabilities, [0, 0, 1, 1], ["a", "b"])["macro_auc"] == pytest.approx(3 / 4)


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy():
    sure, unsure = [0.98, 0.01, 0.01], [0.2, 0.5, 0.3]
    probabilities = np.array([sure] * 4 + [unsure] * 4)
    labels = [0, 0, 0, 1] + [1, 1, 2, 2]  # 0.75 right at confidence 0.98, 0.5 right at confidence 0.5
    assert diagnosis_metrics(probabilities, labels, CLASSES)["ece"] == pytest.approx(0.5 * 0.23, abs=1e-6)


def test_a_set_may_hold_a_subset_of_the_classes():
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]])
    figures = diagnosis_metrics(probabilities, [0, 1, 1], CLASSES)
    assert figures["sensitivity"] == pytest.approx({"a": 1, "b": 0.5, "c": None})
    assert figures["specificity"]["c"] == pytest.approx(2 / 3)
    assert figures["balanced_accuracy"] == pytest.approx(0.75)
    assert figures["macro_auc"] == pytest.approx((1 + 1 / 2) / 2)  # of a and b; c never occurs


def test_with_a_single_class_undefined_figures_are_null():
    figures = diagnosis_metrics(np.array([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1]]), [0, 0], CLASSES)
    assert figures["accuracy"] == 0.5
    assert figures["macro_auc"] is None
    assert figures["specificity"]["a"] is None
    assert "NaN" not in json.dumps(figures)


def test_without_cases_every_figure_is_null():
    nothing = dict.fromkeys(CLASSES)
    assert diagnosis_metrics(np.zeros((0, 3)), [], CLASSES) == {
        "accuracy": None,
        "balanced_accuracy": None,
        "macro_auc": None,
        "auc": nothing,
        "sensitivity": nothing,
        "specificity": nothing,
        "ece": None,
    }


def test_the_confusion_matrix_has_truth_in_rows_and_answers_in_columns():
    probabilities = np.array([[0.7, 0.3], [0.1, 0.9], [0.6, 0.4]])
    assert confusion_matrix(probabilities, [0, 0, 1]) == [[1, 1], [1, 0]]


def test_reliability_by_hand():
    probabilities = np.array([[0.62, 0.38], [0.66, 0.34], [0.05, 0.95], [1.0, 0.0]])
    rows = reliability(probabilities, [0, 1, 1, 0], bins=10)
    assert [(row["low"], row["high"], row["cases"]) for row in rows] == [(0.6, 0.7, 2), (0.9, 1.0, 2)]
    assert [row["accuracy"] for row in rows] == [0.5, 1.0]
    assert [row["confidence"] for row in rows] == pytest.approx([0.64, 0.975])
    assert calibration_error(rows) == pytest.approx((2 * 0.14 + 2 * 0.025) / 4)


def test_the_calibration_error_agrees_with_torchmetrics():
    torch = pytest.importorskip("torch")
    from torchmetrics.functional.classification import multiclass_calibration_error

    random = np.random.default_rng(0)
    probabilities, labels = random.dirichlet((1, 2, 3), 200), random.integers(0, 3, 200)
    expected = multiclass_calibration_error(torch.tensor(probabilities), torch.tensor(labels), 3, n_bins=15)
    assert calibration_error(reliability(probabilities, labels)) == pytest.approx(float(expected))


def test_the_roc_curve_runs_from_corner_to_corner_with_the_area_of_the_figures():
    random = np.random.default_rng(1)
    probabilities, labels = random.dirichlet((1, 1), 50), random.integers(0, 2, 50)
    false_rate, true_rate = roc_curve(probabilities[:, 1], labels == 1)
    assert (false_rate[0], true_rate[0], false_rate[-1], true_rate[-1]) == (0, 0, 1, 1)
    area = ((false_rate[1:] - false_rate[:-1]) * (true_rate[1:] + true_rate[:-1]) / 2).sum()
    assert area == pytest.approx(diagnosis_metrics(probabilities, labels, ["a", "b"])["auc"]["b"])
