"""Metrics against values worked out by hand, against torchmetrics, and with weights against repeated cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional import classification

from resformer_unet.evaluation.metrics import (
    accuracy,
    auc,
    calibration_error,
    confusion_matrix,
    mean,
    overlap,
    reliability,
    roc_curve,
    sensitivity,
    specificity,
    weighted_mean,
)


def random_cases(count: int = 200, rounded: bool = False) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    probabilities = random.dirichlet((1, 2, 3), count)
    return (probabilities.round(1) if rounded else probabilities), random.integers(0, 3, count)


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


def test_overlap_of_two_empty_masks_is_undefined():
    empty = np.zeros((1, 4, 4), bool)
    assert overlap(empty, empty) == (None, None)


def test_overlap_agrees_with_torchmetrics_on_noise():
    predicted, reference = np.random.default_rng(0).random((2, 4, 20, 20)) < 0.3
    a, b = torch.from_numpy(predicted).int().reshape(-1), torch.from_numpy(reference).int().reshape(-1)
    expected = float(classification.binary_f1_score(a, b)), float(classification.binary_jaccard_index(a, b))
    assert overlap(predicted, reference) == pytest.approx(expected, abs=1e-6)


def test_a_mean_leaves_out_what_is_not_defined():
    assert mean([1.0, None, 0.0]) == 0.5
    assert mean([None]) is None
    assert mean([]) is None


@pytest.mark.parametrize("rounded", [False, True], ids=["distinct scores", "ties"])
def test_every_metric_agrees_with_torchmetrics(rounded):
    probabilities, labels = random_cases(rounded=rounded)
    scores, truth = torch.from_numpy(probabilities), torch.from_numpy(labels)
    areas = [auc(probabilities[:, index], labels == index) for index in range(3)]
    expected_areas = [classification.binary_auroc(scores[:, index], (truth == index).long()) for index in range(3)]
    assert areas == pytest.approx(np.array(expected_areas), abs=1e-6)
    expected = classification.multiclass_accuracy(scores, truth, 3, average="micro")
    assert accuracy(probabilities, labels) == pytest.approx(float(expected))
    expected = classification.multiclass_recall(scores, truth, 3, average="none").numpy()
    assert sensitivity(probabilities, labels) == pytest.approx(expected, abs=1e-6)
    expected = classification.multiclass_specificity(scores, truth, 3, average="none").numpy()
    assert specificity(probabilities, labels) == pytest.approx(expected, abs=1e-6)


def test_the_calibration_error_agrees_with_torchmetrics():
    probabilities, labels = random_cases()
    expected = classification.multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(labels), 3, n_bins=15
    )
    assert calibration_error(probabilities, labels) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("rounded", [False, True], ids=["distinct scores", "ties"])
def test_a_weight_counts_a_case_as_often_as_repeating_it(rounded):
    probabilities, labels = random_cases(40, rounded)
    weights = np.random.default_rng(1).integers(0, 4, (5, 40))
    for metric in (accuracy, sensitivity, specificity, calibration_error):
        repeated = [metric(probabilities.repeat(row, 0), labels.repeat(row)) for row in weights]
        assert metric(probabilities, labels, weights) == pytest.approx(np.array(repeated))
    repeated = [auc(probabilities[:, 1].repeat(row), (labels == 1).repeat(row)) for row in weights]
    assert auc(probabilities[:, 1], labels == 1, weights) == pytest.approx(np.array(repeated))
    values = np.where(labels == 2, np.nan, probabilities[:, 0])
    repeated = [weighted_mean(values.repeat(row)) for row in weights]
    assert weighted_mean(values, weights) == pytest.approx(np.array(repeated))


def test_a_metric_is_undefined_in_the_resamples_that_lack_its_cases():
    probabilities, labels = np.array([[0.8, 0.2], [0.4, 0.6]]), np.array([0, 1])
    weights = np.array([[1, 1], [2, 0]])
    assert auc(probabilities[:, 1], labels == 1, weights).tolist() == pytest.approx([1.0, np.nan], nan_ok=True)
    assert sensitivity(probabilities, labels, weights).tolist() == [[1, 1], pytest.approx([1, np.nan], nan_ok=True)]
    assert specificity(probabilities, labels, weights)[1] == pytest.approx([np.nan, 1], nan_ok=True)


def test_auc_is_the_fraction_of_pairs_in_the_right_order_and_ties_count_one_half():
    assert auc(np.array([0.1, 0.6, 0.4, 0.9]), np.array([False, False, True, True])) == 3 / 4
    assert auc(np.array([0.5, 0.5, 0.9]), np.array([False, True, True])) == 3 / 4


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy():
    sure, unsure = [0.98, 0.01, 0.01], [0.2, 0.5, 0.3]
    probabilities = np.array([sure] * 4 + [unsure] * 4)
    labels = np.array([0, 0, 0, 1] + [1, 1, 2, 2])  # 0.75 right at confidence 0.98, 0.5 right at confidence 0.5
    assert calibration_error(probabilities, labels) == pytest.approx(0.5 * 0.23)


def test_the_confusion_matrix_has_true_classes_in_rows_and_predictions_in_columns():
    probabilities = np.array([[0.7, 0.3], [0.1, 0.9], [0.6, 0.4]])
    assert confusion_matrix(probabilities, [0, 0, 1]) == [[1, 1], [1, 0]]


def test_reliability_by_hand():
    probabilities, labels = np.array([[0.62, 0.38], [0.66, 0.34], [0.05, 0.95], [1.0, 0.0]]), np.array([0, 1, 1, 0])
    rows = reliability(probabilities, labels, bins=10)
    assert [(row["low"], row["high"], row["cases"]) for row in rows] == [(0.6, 0.7, 2), (0.9, 1.0, 2)]
    assert [row["accuracy"] for row in rows] == [0.5, 1.0]
    assert [row["confidence"] for row in rows] == pytest.approx([0.64, 0.975])
    assert calibration_error(probabilities, labels, bins=10) == pytest.approx((2 * 0.14 + 2 * 0.025) / 4)


def test_the_roc_curve_is_that_of_torchmetrics():
    probabilities, labels = random_cases(50, rounded=True)
    false_rate, true_rate = roc_curve(probabilities[:, 1], labels == 1)
    expected = classification.binary_roc(torch.from_numpy(probabilities[:, 1]), torch.from_numpy(labels == 1).long())
    assert false_rate == pytest.approx(expected[0].numpy(), abs=1e-6)
    assert true_rate == pytest.approx(expected[1].numpy(), abs=1e-6)
