"""How a prediction runs: time, memory, failures, cancelling, progress, one image after another."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

import numpy as np
import pytest
import torch

from helpers.stand_ins import BrightNetwork, predict, stand_in_bundle, stand_in_predictor
from helpers.synthetic_images import blocks
from helpers.tiny_model import save_tiny
from resformer_unet.errors import Cancelled
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.options import ExplainOptions, PredictOptions
from resformer_unet.inference.predictor import Predictor
from resformer_unet.postprocessing.masks import masks_on_slices
from resformer_unet.preprocessing.prepare import PreparedImage


class ClockOfEachThread(threading.local):
    """Says what its thread has let pass, however busy the computer is."""

    seconds = 0.0

    def perf_counter(self) -> float:
        return self.seconds

    def slowly(self, function: Callable, seconds: float) -> Callable:
        def slow(*arguments, **options):
            self.seconds += seconds
            return function(*arguments, **options)

        return slow


def test_each_step_has_the_time_that_it_took(monkeypatch):
    predictor, clock = stand_in_predictor(monkeypatch, stand_in_bundle()), ClockOfEachThread()
    monkeypatch.setattr("resformer_unet.inference.pipeline.time", clock)
    monkeypatch.setattr(PreparedImage, "batch", clock.slowly(PreparedImage.batch, 0.1))
    monkeypatch.setattr(BrightNetwork, "forward", clock.slowly(BrightNetwork.forward, 0.2))
    monkeypatch.setattr("resformer_unet.inference.volume_masks.masks_on_slices", clock.slowly(masks_on_slices, 0.4))
    image = image_from_array(blocks(), np.eye(4), "x")
    timing = predictor.predict(image, progress=clock.slowly(lambda *_: None, 0.8)).report["timing_s"]
    assert timing == {"prepare": 0.1, "network": 0.2, "postprocess": 0.4, "total": timing["total"]}
    assert timing["total"] == pytest.approx(0.2 + 0.8)  # the others are done beside


@pytest.mark.parametrize("slow", ["network", "masks"])
def test_of_a_long_volume_only_a_few_batches_are_in_memory_at_once(monkeypatch, slow):
    """Whichever is slower, neither prepared slices nor the network's output accumulate."""
    prepared, prepare, take = [], PreparedImage.batch, masks_on_slices
    most = {"batches": 0, "outputs": 0}

    def batch(self, first, last):
        made = prepare(self, first, last)
        prepared.append(weakref.ref(made))
        most["batches"] = max(most["batches"], sum(reference() is not None for reference in prepared))
        return made

    def masks(probabilities, *arguments):
        time.sleep(0.02 * (slow == "masks"))
        written.append(weakref.ref(probabilities))
        most["outputs"] = max(most["outputs"], sum(reference() is not None for reference in written))
        return take(probabilities, *arguments)

    def forward(self, image):
        time.sleep(0.02 * (slow == "network"))
        return network(self, image)

    written, network = [], BrightNetwork.forward
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle())
    monkeypatch.setattr(PreparedImage, "batch", batch)
    monkeypatch.setattr(BrightNetwork, "forward", forward)
    monkeypatch.setattr("resformer_unet.inference.volume_masks.masks_on_slices", masks)
    predictor.predict(image_from_array(blocks(150), np.eye(4), "x"))
    assert len(prepared) >= 15
    assert most["batches"] <= 3 and most["outputs"] <= 2


def test_a_failure_beside_the_network_ends_the_prediction(monkeypatch):
    def fail(*_):
        raise ValueError("no masks")

    predictor = stand_in_predictor(monkeypatch, stand_in_bundle())
    monkeypatch.setattr("resformer_unet.inference.volume_masks.masks_on_slices", fail)
    with pytest.raises(ValueError, match="no masks"):
        predictor.predict(image_from_array(blocks(60), np.eye(4), "x"))


def test_cancelling_gives_no_prediction_and_the_next_image_is_predicted(monkeypatch):
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle())
    image = image_from_array(blocks(), np.eye(4), "x")
    with pytest.raises(Cancelled):
        predictor.predict(image, cancelled=lambda: True)
    assert predictor.predict(image).layers.any()


def test_several_images_one_after_another_do_not_disturb_each_other(monkeypatch):
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle())
    first, second = (image_from_array(blocks(n), np.eye(4), "x") for n in (9, 3))
    before = predictor.predict(first).layers
    predictor.predict(second)
    assert np.array_equal(predictor.predict(first).layers, before)
    assert isinstance(predictor.runner.backend.network, BrightNetwork)


def test_the_logits_of_the_slices_are_kept_before_temperature_scaling(monkeypatch):
    bundle = stand_in_bundle(diagnoses=("a", "b", "c"))
    bundle.descriptor["calibration"] = {"method": "temperature", "temperature": 2.5, "fitted_on": "x"}
    predictor = stand_in_predictor(monkeypatch, bundle)
    image = image_from_array(blocks(12), np.eye(4), "x")
    prediction = predictor.predict(image, options=PredictOptions(slices=(2, 11)))
    logits = predictor.runner.backend.network(torch.cat(predictor.runner.backend.network.seen)).diagnosis.numpy()
    assert prediction.logits.dtype == np.float32 and prediction.logits.shape == (10, 3)
    np.testing.assert_allclose(prediction.logits, logits, atol=1e-6)
    scaled = np.exp(prediction.logits / 2.5)
    each = np.array([[row["probabilities"][name] for name in "abc"] for row in prediction.report["slices"]])
    np.testing.assert_allclose(each, scaled / scaled.sum(1, keepdims=True), rtol=1e-5)


def test_a_model_without_diagnosis_has_logits_without_columns(monkeypatch):
    prediction = predict(monkeypatch, image_from_array(blocks(), np.eye(4), "x"), diagnoses=())
    assert prediction.logits.shape == (5, 0)


@pytest.mark.parametrize(("diagnosis", "passes"), [("malignant", 1), (None, 2)])
def test_the_progress_of_an_explanation_counts_the_prediction_that_chooses_the_diagnosis(tmp_path, diagnosis, passes):
    predictor = Predictor(save_tiny(tmp_path / "tiny"), "cpu:torch")
    size = predictor.runner.backend.batch_size
    slices, seen = 2 * size + 1, []
    image = image_from_array(blocks(slices), np.eye(4), "x")
    predictor.explain(image, options=ExplainOptions(diagnosis=diagnosis), progress=lambda *counts: seen.append(counts))
    in_a_pass = [size, 2 * size, slices]
    assert seen == [(before + count, slices * passes) for before in (0, slices)[:passes] for count in in_a_pass]
