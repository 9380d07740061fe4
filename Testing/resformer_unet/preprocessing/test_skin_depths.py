"""The bundled skin model says the same of a picture, however deep its values are stored."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.paths import MODELS
from helpers.synthetic_samples import skinPhantom
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.prediction import Prediction
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import load_bundle

MODEL = MODELS / "skin-lesion"
EIGHT = skinPhantom().voxels


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(load_bundle(MODEL), "cpu")


def predict(predictor: Predictor, voxels: np.ndarray) -> Prediction:
    return predictor.predict(image_from_array(voxels, np.eye(4), "skin", has_orientation=False))


@pytest.fixture(scope="module")
def expected(predictor) -> Prediction:
    return predict(predictor, EIGHT)


@pytest.mark.parametrize(
    "voxels",
    [
        EIGHT.astype(np.uint16) * 257,
        np.rint(EIGHT / 255 * 4095).astype(np.uint16),
        EIGHT.astype(np.int16) * 16,
        (EIGHT / 255).astype(np.float32),
        EIGHT.astype(np.float32),
        EIGHT.astype(np.float64),
    ],
    ids=["16 bits", "12 bits", "12 bits, signed", "0 to 1", "0 to 255", "0 to 255, double"],
)
def test_the_skin_model_says_the_same_of_every_depth(predictor, expected, voxels):
    prediction = predict(predictor, voxels)
    probabilities = prediction.report["diagnosis"]["probabilities"]
    assert probabilities == pytest.approx(expected.report["diagnosis"]["probabilities"], abs=1e-2)
    assert (prediction.layers != expected.layers).sum() < 0.01 * expected.layers.any(0).sum()
    codes = [[row["code"] for row in each.report["warnings"]] for each in (prediction, expected)]
    assert codes[0] == codes[1]


def test_a_picture_of_which_nobody_knows_what_is_white_is_told(predictor):
    report = predict(predictor, EIGHT.astype(np.float32) * 1.4).report
    assert "UNUSUAL_VALUES" in [row["code"] for row in report["warnings"]]
