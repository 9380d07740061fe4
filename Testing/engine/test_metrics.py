"""Figures of merit against values worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from resformer_unet.metrics import diagnosis_metrics, mean, overlap

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
        "sensitivity": nothing,
        "specificity": nothing,
        "ece": None,
    }
