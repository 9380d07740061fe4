"""The metrics of an evaluation: names, means and what is undefined."""

from __future__ import annotations

import json

import numpy as np
import pytest

from resformer_unet.evaluation.reported_metrics import diagnosis_metrics, flattened, for_json, segmentation_metrics

CLASSES = ["a", "b", "c"]


def measured(probabilities: list, labels: list[int], classes: list[str] = CLASSES) -> dict:
    return for_json(diagnosis_metrics(np.array(probabilities, float).reshape(-1, len(classes)), labels, classes))


def test_diagnosis_metrics_by_hand():
    probabilities = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6], [0.2, 0.1, 0.7]]
    figures = measured(probabilities, [0, 1, 1, 2, 2])
    assert figures["accuracy"] == pytest.approx(4 / 5)
    assert figures["sensitivity"] == pytest.approx({"a": 1, "b": 0.5, "c": 1})
    assert figures["specificity"] == pytest.approx({"a": 3 / 4, "b": 1, "c": 1})
    assert figures["balanced_accuracy"] == pytest.approx(2.5 / 3)
    assert figures["macro_auc"] == pytest.approx(1.0)


def test_a_diagnosis_that_must_not_be_missed_is_measured_at_its_threshold():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.9, 0.05, 0.05], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6], [0.8, 0.1, 0.1]])
    figures = for_json(diagnosis_metrics(probabilities, [1, 1, 1, 2, 0], CLASSES, None, {"b": 0.2}))
    assert figures["alert_sensitivity"] == pytest.approx({"b": 2 / 3})
    assert figures["alert_specificity"] == pytest.approx({"b": 1 / 2})
    drawn = diagnosis_metrics(probabilities, [1, 1, 1, 2, 0], CLASSES, np.array([[3, 0, 0, 1, 1]]), {"b": 0.2})
    assert drawn["alert_sensitivity"]["b"].tolist() == [1] and drawn["alert_specificity"]["b"].tolist() == [0.5]
    assert "alert_sensitivity" not in diagnosis_metrics(probabilities, [1, 1, 1, 2, 0], CLASSES)


def test_a_set_may_hold_a_subset_of_the_classes():
    figures = measured([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]], [0, 1, 1])
    assert figures["sensitivity"] == pytest.approx({"a": 1, "b": 0.5, "c": None})
    assert figures["specificity"]["c"] == pytest.approx(2 / 3)
    assert figures["balanced_accuracy"] == pytest.approx(0.75)
    assert figures["macro_auc"] == pytest.approx((1 + 1 / 2) / 2)  # of a and b; c never occurs


def test_with_a_single_class_undefined_figures_are_null():
    figures = measured([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1]], [0, 0])
    assert figures["accuracy"] == 0.5
    assert figures["macro_auc"] is None
    assert figures["specificity"]["a"] is None
    assert "NaN" not in json.dumps(figures)


def test_without_cases_every_figure_is_null():
    assert set(flattened(measured([], [])).values()) == {None}


def test_a_segment_that_no_reference_contains_is_left_out_of_the_mean():
    rows = [
        {"dice": dice, "jaccard": dice, "false_positive": None if dice else False, "lesion_free_slices": slices}
        for dice, slices in (({"core": 0.4}, {"slices": 3, "segmented": 1}), ({"core": 0.8}, None), (None, None))
    ]
    figures = for_json(segmentation_metrics(rows, ["core", "rim"]))
    assert figures["dice"] == pytest.approx({"mean": 0.6, "core": 0.6, "rim": None})
    assert figures["false_positive_rate"] == 0 and figures["slice_false_positive_rate"] == pytest.approx(1 / 3)


def test_metrics_in_one_level_are_named_by_metric_and_class():
    assert flattened({"dice": {"mean": 1, "lesion": 2}, "ece": 3}) == {"dice_mean": 1, "dice_lesion": 2, "ece": 3}
