"""Calibration on cases: what is fitted, what is kept, and that use and fit are one formula."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from helpers.generated_dataset import write_discs
from helpers.tiny_model import save_tiny, tiny_descriptor, weights_that_segment
from resformer_unet.data.dataset import load_dataset, read_case_image
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.descriptor import check_descriptor
from resformer_unet.model.saving import save_bundle
from resformer_unet.model.weights import load_weights
from resformer_unet.training.finish.calibration import (
    DiagnosedCase,
    cross_validated,
    diagnosed_cases,
    fit_calibration,
    fit_variant,
    folds,
    log_likelihood,
)


def cases_of(count: int, temperature: float = 1.0, biases=(0.0, 0.0, 0.0), group_size: int = 1, seed: int = 0):
    """Cases whose labels follow softmax(logits / temperature + biases)."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(count, 3)) * temperature
    labels = [random.choice(3, p=row) for row in softmax(logits / temperature + np.array(biases), axis=1)]
    return [
        DiagnosedCase(row[None], np.ones(1), label, f"g{index // group_size}")
        for index, (row, label) in enumerate(zip(logits, labels, strict=True))
    ]


@pytest.mark.parametrize(("temperature", "biases"), [(0.5, (0.0, 0.0, 0.0)), (2.0, (0.8, -0.4, -0.4))])
def test_many_cases_recover_a_known_temperature_and_known_biases(temperature, biases):
    fitted = fit_variant(cases_of(6000, temperature, biases), "temperature_and_biases")
    assert fitted["temperature"] == pytest.approx(temperature, rel=0.1)
    np.testing.assert_allclose(np.subtract(fitted["biases"], np.mean(fitted["biases"])), biases, atol=0.1)


def test_a_few_correct_cases_do_not_make_every_prediction_certain():
    few = [DiagnosedCase(np.eye(2)[[index % 2]] / 2, np.ones(1), index % 2, f"g{index}") for index in range(10)]
    assert 0.4 < fit_variant(few, "temperature")["temperature"] < 1
    assert fit_variant(few * 100, "temperature")["temperature"] < 0.25  # many cases are believed


def test_the_prior_of_the_biases_wins_where_cases_are_few():
    one_class = [DiagnosedCase(np.zeros((1, 3)), np.ones(1), 0, f"g{index}") for index in range(4)]
    few, many = (fit_variant(cases, "temperature_and_biases")["biases"] for cases in (one_class, one_class * 100))
    assert 0 < few[0] - few[1] < 1 and many[0] - many[1] > 3


def test_the_simplest_variant_that_explains_held_out_cases_best_is_kept():
    assert fit_calibration(cases_of(60), "here") is None  # the plain probabilities are right
    assert fit_calibration(cases_of(400, temperature=4.0), "here")["method"] == "temperature"
    biased = fit_calibration(cases_of(400, 1.0, (1.5, -0.75, -0.75)), "here")
    assert biased["method"] == "temperature_and_biases" and len(biased["biases"]) == 3
    assert biased["fitted_on"].startswith("here, 400 cases of 400 patients or groups; cross-validated")


def test_what_is_kept_has_the_highest_cross_validated_likelihood():
    cases = cases_of(80, 2.0, (1.0, 0.0, -1.0))
    kept = fit_calibration(cases, "here")
    others = [cross_validated(cases, variant) for variant in ("plain", "temperature")]
    assert cross_validated(cases, kept["method"]) > max(others)


def test_cross_validation_never_divides_a_group_and_judges_each_case_once():
    cases = cases_of(40, group_size=4)
    divisions = folds(cases, seed=0)
    assert sum(len(outside) for _, outside in divisions) == len(cases)
    for inside, outside in divisions:
        assert not {case.group for case in inside} & {case.group for case in outside}
        assert inside and outside


def test_cases_of_one_patient_alone_are_not_calibrated_with():
    assert fit_calibration(cases_of(40, temperature=4.0, group_size=40), "here") is None
    assert fit_calibration([], "here") is None


def test_slices_of_a_case_count_by_their_weights():
    logits = np.log([[0.9, 0.1], [0.2, 0.8]])
    case = DiagnosedCase(logits, np.array([0.75, 0.25]), 1, "g")
    assert log_likelihood([case], None) == pytest.approx(np.log(0.75 * 0.1 + 0.25 * 0.8))


@pytest.mark.parametrize("device", ["cpu:torch", "cpu:onnx"])
def test_the_fit_sees_the_probabilities_that_a_prediction_gives(tmp_path, device):
    calibration = {"method": "temperature_and_biases", "temperature": 0.3, "biases": [0.7, -0.2], "fitted_on": "x"}
    bundle = save_tiny(tmp_path / "tiny", calibration=calibration)
    if device == "cpu:onnx":
        pytest.importorskip("onnxruntime")
        from resformer_unet.training.finish.onnx_export import add_exported_graph

        bundle = add_exported_graph(bundle)
    predictor = Predictor(bundle, device)
    cases = load_dataset(write_discs(tmp_path / "data", {"test": 2}), "test")
    for case, diagnosed in zip(cases, diagnosed_cases(cases, predictor), strict=True):
        reported = predictor.predict(read_case_image(case)).report["diagnosis"]["probabilities"]
        np.testing.assert_allclose(diagnosed.probabilities(calibration), list(reported.values()), rtol=1e-6)
        assert list(reported)[diagnosed.label] == case.label


def test_a_pixel_of_two_segments_weighs_no_more_in_the_fit_than_in_a_prediction(tmp_path):
    descriptor = tiny_descriptor(("lesion", "edema"))
    descriptor["diagnosis"]["rule"] = "lesion_area_weighted_mean"
    random = np.random.default_rng(0)
    slices = np.linspace(0.2, 1.0, 6)[:, None, None] * random.uniform(0, 255, (6, 40, 40))
    data = write_discs(tmp_path / "data", {"test": 2}, masks=False, suffix=".nrrd",
                       change=lambda picture, mask: (slices.astype(np.uint8), mask))  # fmt: skip
    bundle = save_bundle(tmp_path / "two", descriptor, weights_that_segment(descriptor), "-")
    predictor = Predictor(bundle, "cpu:torch")
    case, *_ = load_dataset(data, "test")
    prediction = predictor.predict(read_case_image(case))
    assert (prediction.layers > 0).all(axis=0).any()  # the segments overlap
    (diagnosed,) = diagnosed_cases([case], predictor)
    np.testing.assert_allclose(
        diagnosed.probabilities(None), list(prediction.report["diagnosis"]["probabilities"].values()), rtol=1e-6
    )


def test_biases_for_another_number_of_classes_are_refused(tmp_path):
    bundle = save_tiny(tmp_path / "tiny")
    calibration = {"method": "temperature_and_biases", "temperature": 1, "biases": [1, 2, 3], "fitted_on": "x"}
    descriptor = {**bundle.descriptor, "calibration": calibration}
    with pytest.raises(Exception, match="calibration.biases needs one number for each of the 2 classes"):
        check_descriptor(descriptor, tmp_path)
    calibration["biases"].pop()
    del descriptor["weights"]
    assert save_bundle(tmp_path / "other", descriptor, load_weights(bundle), "-").descriptor["calibration"]
