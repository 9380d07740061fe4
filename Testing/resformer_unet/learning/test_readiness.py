"""Training sets that are too small, or of one class, are refused before anything begins, in a clinician's words."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.generated_dataset import write_discs, write_pixels
from helpers.paths import MODULE_FOLDER
from helpers.tiny_model import save_tiny, tiny_descriptor
from resformer_unet.errors import EngineError
from resformer_unet.learning.further_recipe import further_recipe
from resformer_unet.learning.learn import learn
from resformer_unet.learning.readiness import few_cases_text, no_test_case_text, why_not_ready
from resformer_unet.model.bundle import load_bundle
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.training.setup.description import check_recipe, network_config
from resformer_unet.training.setup.options import TrainOptions
from resformer_unet.training_set.contents import CollectedCase

MODELS = MODULE_FOLDER / "Resources" / "Models"


def cases(text: str) -> list[CollectedCase]:
    """Of “benign train, malignant val”, say."""
    parts = [part.split() for part in text.split(",") if part.strip()]
    return [CollectedCase(f"case-{index}", label, split, f"p{index}") for index, (label, split) in enumerate(parts)]


@pytest.mark.parametrize(
    ("held", "code", "words"),
    [
        ("", "TRAINING_SET_EMPTY", "no cases yet"),
        ("benign train", "TRAINING_SET_TOO_SMALL", "1 of the cases"),
        ("benign train, malignant train", "TRAINING_SET_TOO_SMALL", "0 can select"),
        ("benign train, benign train, malignant val", "ONE_CLASS", "the same diagnosis, Benign"),
        ("odd train, benign train, benign val", "LABELS_UNKNOWN", "odd"),
    ],
)
def test_a_set_that_does_not_suffice(held, code, words):
    found = why_not_ready(cases(held), tiny_descriptor())
    assert found.code == code and words in found.message and found.hint


def test_a_class_without_cases_would_be_forgotten():
    three = tiny_descriptor(diagnoses=("benign", "malignant", "naevus"))
    found = why_not_ready(cases("benign train, malignant train, benign val"), three)
    assert found.code == "CLASS_WITHOUT_CASES" and "Naevus" in found.message


def test_a_set_that_suffices():
    assert why_not_ready(cases("benign train, malignant train, benign val"), tiny_descriptor()) is None
    assert why_not_ready(cases("any train, any train, any val"), tiny_descriptor(diagnoses=())) is None


def test_a_set_without_a_test_case_is_told_that_nothing_could_be_compared():
    assert "No case is kept for testing" in no_test_case_text(cases("benign train, malignant train, benign val"))
    assert no_test_case_text(cases("benign train, malignant train, benign val, benign test")) == ""


def test_of_many_cases_nothing_is_said():
    assert "only 5 cases" in few_cases_text(5) and few_cases_text(50) == ""


@pytest.mark.parametrize("folder", sorted(MODELS.iterdir()), ids=lambda folder: folder.name)
def test_a_shipped_models_network_stays_as_it_is(folder):
    bundle = load_bundle(folder)
    recipe = further_recipe(bundle, 5)
    check_recipe(recipe)
    assert network_config(recipe.descriptor, recipe) == NetworkConfig(**bundle.descriptor["network"])
    again = further_recipe(type(bundle)(folder, {**bundle.descriptor, "limits": recipe.descriptor["limits"]}), 60)
    assert again.descriptor["limits"] == bundle.descriptor["limits"] and recipe.learning_rate < 1e-3


def test_a_set_of_one_class_begins_no_training(tmp_path):
    data = write_discs(tmp_path / "discs", {"train": 1, "val": 1})
    model = str(save_tiny(tmp_path / "tiny").folder)
    with pytest.raises(EngineError) as caught:
        learn(data, tmp_path / "new", model, TrainOptions())
    assert caught.value.code == "TRAINING_SET_TOO_SMALL"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["discs", "tiny"]


def test_masks_that_no_longer_fit_are_named_and_nothing_is_left_running(tmp_path):
    pytest.importorskip("lightning", reason="the extra “train” is not installed")
    data = write_discs(tmp_path / "discs", {"train": 4, "val": 2})
    write_pixels(data / "masks" / "train-1.png", np.ones((7, 9), np.uint8))
    model = str(save_tiny(tmp_path / "tiny").folder)
    for _ in range(2):  # the same command, as often as it takes to correct the mask
        with pytest.raises(EngineError) as caught:
            learn(data, tmp_path / "new", model, TrainOptions(), "cpu")
        assert caught.value.code == "MASK_SIZE" and "train-1" in caught.value.message
