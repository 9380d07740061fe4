"""Each rule by numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from resformer_unet.postprocessing.case_probabilities import case_probabilities, slice_probabilities

SLICES = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])


def test_probabilities_are_the_softmax_of_the_logits():
    logits = np.log(np.array([[1.0, 3.0], [8.0, 2.0]], np.float32))
    np.testing.assert_allclose(slice_probabilities(logits, None), [[0.25, 0.75], [0.8, 0.2]], rtol=1e-6)


def test_the_temperature_divides_the_logits():
    logits = 2 * np.log(np.array([[1.0, 3.0]], np.float32))
    calibrated = slice_probabilities(logits, {"method": "temperature", "temperature": 2.0})
    np.testing.assert_allclose(calibrated, [[0.25, 0.75]], rtol=1e-6)


def test_the_biases_of_the_classes_are_added_after_the_temperature():
    calibration = {"method": "temperature_and_biases", "temperature": 2.0, "biases": [np.log(2), 0.0]}
    calibrated = slice_probabilities(2 * np.log(np.array([[1.0, 3.0]], np.float32)), calibration)
    np.testing.assert_allclose(calibrated, [[0.4, 0.6]], rtol=1e-6)  # 2 : 3


def test_huge_logits_stay_probabilities():
    probabilities = slice_probabilities(np.array([[1e4, -1e4], [-3e4, -3e4]], np.float32), None)
    np.testing.assert_allclose(probabilities, [[1, 0], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("rule", "areas", "expected"),
    [
        ("mean", [0, 30, 10], [0.5, 0.5]),
        ("lesion_area_weighted_mean", [0, 30, 10], [0.25, 0.75]),  # (30 * 0.2 + 10 * 0.4) / 40
        ("lesion_area_weighted_mean", [5, 0, 0], [0.9, 0.1]),
        ("max_lesion_slice", [0, 30, 10], [0.2, 0.8]),
        ("max_lesion_slice", [11, 0, 10], [0.9, 0.1]),
    ],
)
def test_a_case_is_diagnosed_by_its_rule(rule, areas, expected):
    np.testing.assert_allclose(case_probabilities(SLICES, np.array(areas), rule), expected)


@pytest.mark.parametrize("rule", ["mean", "lesion_area_weighted_mean", "max_lesion_slice"])
def test_without_any_segmentation_all_slices_have_the_same_weight(rule):
    np.testing.assert_allclose(case_probabilities(SLICES, np.zeros(3, int), rule), [0.5, 0.5])


@pytest.mark.parametrize("rule", ["mean", "lesion_area_weighted_mean", "max_lesion_slice"])
@pytest.mark.parametrize("area", [0, 7])
def test_a_single_slice_is_the_case(rule, area):
    np.testing.assert_allclose(case_probabilities(SLICES[1:2], np.array([area]), rule), [0.2, 0.8])


def test_an_unknown_rule_is_a_programming_error():
    with pytest.raises(ValueError, match="majority"):
        case_probabilities(SLICES, np.ones(3), "majority")
