"""Recipes: those of the package, a user's own, and values that cannot be meant."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.errors import EngineError
from resformer_unet.training.setup.description import network_config
from resformer_unet.training.setup.recipe import Recipe, load_recipe, recipe_names


def test_the_recipes_of_the_package_are_complete():
    tasks = {}
    for name in recipe_names():
        recipe = load_recipe(name)
        config = network_config(recipe.descriptor, recipe)
        assert recipe.descriptor["id"] == name and recipe.preset == "small"
        tasks[name] = (config.segments, config.diagnoses)
    assert tasks == {
        "brain-tumor-mr": (1, 3),
        "breast-ultrasound": (1, 3),
        "cardiac-mr": (3, 5),
        "retina-oct": (1, 2),
        "skin-lesion": (1, 3),
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "cannot be used"),
        ("[]", "cannot be used"),
        ('{"descriptor": {}}', "training"),
        ('{"descriptor": {}, "training": {"epoch": 3}}', "epoch"),
        ('{"descriptor": {}, "training": {"augmentation": {"warp": 1}}}', "warp"),
        ('{"descriptor": {}, "training": {"augmentation": 3}}', "cannot be used"),
        ('{"descriptor": {}, "training": []}', "cannot be used"),
        ('{"descriptor": {}, "training": {}, "augmentation": {"noise": 0}}', "“augmentation” would be ignored"),
        ('{"descriptor": {}, "training": {"learning_rate": 1e300}}', "too large"),
        ("[" * 100_000, "too deep"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_refused_with_what_it_needs(tmp_path, content, words):
    (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(EngineError) as caught:
        load_recipe(str(tmp_path / "recipe.json"))
    assert caught.value.code == "RECIPE_INVALID" and words in str(caught.value) and "epochs" in caught.value.hint


@pytest.mark.parametrize("noise", ['"much"', "[0.1]", "-1"])
def test_a_setting_of_the_augmentation_that_is_no_number_in_its_range_is_named_with_what_it_can_be(tmp_path, noise):
    training = f'{{"augmentation": {{"noise": {noise}}}}}'
    (tmp_path / "recipe.json").write_text(f'{{"descriptor": {{}}, "training": {training}}}')
    with pytest.raises(EngineError, match="noise must be a number of at least 0 and at most 0.5") as caught:
        load_recipe(str(tmp_path / "recipe.json"))
    assert caught.value.code == "RECIPE_INVALID"


def test_an_unknown_recipe_is_an_error_that_lists_the_known_ones():
    with pytest.raises(EngineError) as caught:
        load_recipe("lungs")
    assert caught.value.code == "RECIPE_NOT_FOUND" and "skin-lesion" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ({"epochs": "ten"}, "a whole number of at least 1"),
        ({"epochs": 2.5}, "a whole number of at least 1"),
        ({"batch_size": True}, "a whole number of at least 1"),
        ({"seed": 1.5}, "a whole number of at least 0"),
        ({"cardiac_diagnosis": "false"}, "true or false"),
        ({"class_balance": "0.5"}, "a number of at least 0"),
        ({"class_balance": -3}, "a number of at least 0"),
        ({"learning_rate": None}, "a number above 0 and at most 1"),
        ({"pretrained": ["none"]}, "one of imagenet, none"),
        ({"preset": ["small"]}, "a text"),
        ({"network": None}, "an object of names and values"),
        ({"network": {"diagnoses": 7}}, "this one follows from the descriptor or the data"),
    ],
)
def test_a_setting_of_another_kind_is_refused_and_never_taken_for_something_else(tmp_path, setting, wanted):
    (tmp_path / "recipe.json").write_text(json.dumps({"descriptor": None, "training": setting}))
    with pytest.raises(EngineError) as caught:
        load_recipe(str(tmp_path / "recipe.json"))
    assert caught.value.code == "RECIPE_INVALID" and wanted in caught.value.hint


@pytest.mark.parametrize(
    "changes", [{"epochs": 0}, {"learning_rate": -1.0}, {"learning_rate": float("nan")}, {"seed": -5}, {"ema_decay": 1}]
)
def test_values_out_of_range_are_refused(changes):
    with pytest.raises(EngineError) as caught:
        Recipe().changed(**changes)
    assert caught.value.code == "RECIPE_INVALID" and "must be" in str(caught.value)
