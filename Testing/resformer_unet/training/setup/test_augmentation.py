"""Settings of the augmentation: their ranges, and their table in the documentation."""

from __future__ import annotations

from dataclasses import fields

import pytest

from helpers.paths import ROOT
from resformer_unet.errors import EngineError
from resformer_unet.training.setup.augmentation import Augmentation
from resformer_unet.training.setup.recipe import load_recipe, recipe_names


@pytest.mark.parametrize("settings", [{"zoom": 1.2}, {"rotation": -5}, {"noise": float("nan")}, {"jpeg": "often"}])
def test_values_out_of_range_are_refused_and_the_error_names_the_setting_and_its_range(settings):
    with pytest.raises(EngineError) as caught:
        Augmentation(**settings)
    label = next(entry.metadata["label"] for entry in fields(Augmentation) if entry.name in settings)
    assert caught.value.code == "RECIPE_INVALID" and f"{label} must be a number of at least 0" in str(caught.value)


def test_a_batch_is_mixed_in_one_way_only():
    with pytest.raises(EngineError) as caught:
        Augmentation(mixup=0.6, cutmix=0.5)
    assert caught.value.code == "RECIPE_INVALID" and "more than 1" in str(caught.value)


@pytest.mark.parametrize("name", recipe_names())
def test_the_recipes_of_the_package_augment_geometry_and_intensities(name):
    settings = load_recipe(name).augmentation
    assert settings.rotation and settings.scale and settings.contrast and settings.noise


def test_the_documentation_lists_each_setting_with_its_range_default_and_meaning():
    lines = (ROOT / "docs" / "training.md").read_text(encoding="utf-8").splitlines()
    for entry in fields(Augmentation):
        kind = entry.metadata["kind"]
        row = f"| `{entry.name}` | 0 to {kind.maximum:g} | {entry.default:g} | {entry.metadata['help']} |"
        assert row in lines, f"docs/training.md lacks: {row}"
