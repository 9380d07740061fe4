"""Training a model that also diagnoses patients from two images of the heart."""

from __future__ import annotations

import pytest

from helpers.tiny_heart import write_hearts
from helpers.tiny_model import TINY_NETWORK

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.model.bundle import load_bundle
from resformer_unet.training.setup.recipe import load_recipe
from resformer_unet.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_model_of_hearts_is_trained_to_diagnose_patients_and_evaluated_by_that(tmp_path):
    data = write_hearts(tmp_path / "hearts", ("NOR", "DCM"), {"train": 4, "val": 2})
    recipe = load_recipe("cardiac-mr").changed(network=TINY_NETWORK, pretrained="none", epochs=1, batch_size=4)
    classes = recipe.descriptor["diagnosis"]["classes"]
    recipe.descriptor["diagnosis"]["classes"] = [entry for entry in classes if entry["id"] in ("NOR", "DCM")]
    train(data, tmp_path / "model", recipe, size=(32, 32), device="cpu", workers=0)
    descriptor = load_bundle(tmp_path / "model").descriptor
    assert "4 patients" in descriptor["patient_diagnosis"]["fitted_on"]
    assert "lvef" in descriptor["patient_diagnosis"]["inputs"]
    assert descriptor["out_of_distribution"]["threshold"] >= 0
    assert [row["split"] for row in descriptor["results"]] == ["val"]
