"""Options of a training, and that they agree with the recipe and with `train` itself."""

from __future__ import annotations

import ast
from dataclasses import fields

import pytest

from helpers.paths import MODULE_FOLDER
from resformer_unet.errors import EngineError
from resformer_unet.training.setup.options import TrainOptions
from resformer_unet.training.setup.recipe import Recipe


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("preset", ["small", "base"], ["huge", 1]),
        ("epochs", [1, 40], [0, -1, 1.5, True, "many"]),
        ("batch_size", [1], [0, 2.0]),
        ("size", [(1, 1), [160, 192]], [(0, 10), (10,), 10, (10, 10, 10)]),
        ("learning_rate", [1, 1e-6], [0, -0.1, 1.01, float("nan"), "1"]),
        ("seed", [0, 2**40], [-1, 0.5]),
        ("precision", ["32-true"], ["64"]),
        ("workers", [0, 8], [-1, None and 0, 1.5]),
        ("resume", [True, False], [1, "yes"]),
    ],
)
def test_values_within_the_range_are_accepted_and_others_refused(name, good, bad):
    for value in good:
        assert getattr(TrainOptions(**{name: value}), name) == (tuple(value) if name == "size" else value)
    for value in filter(lambda value: value is not None, bad):
        with pytest.raises(EngineError) as caught:
            TrainOptions(**{name: value})
        assert caught.value.code == "BAD_OPTION"


@pytest.mark.parametrize(
    ("name", "value"), [("epochs", 0), ("batch_size", 0), ("learning_rate", 0), ("learning_rate", 1.5), ("seed", -1)]
)
def test_what_is_no_option_is_no_value_in_a_recipe_either(name, value):
    for kind in (TrainOptions, Recipe):
        with pytest.raises(EngineError):
            kind(**{name: value})


def test_nothing_chosen_leaves_the_recipe_as_it_is():
    recipe = Recipe(epochs=7, seed=3)
    assert recipe.changed(**TrainOptions().recipe_changes()) == recipe


def test_chosen_values_replace_those_of_the_recipe():
    changed = Recipe().changed(**TrainOptions(epochs=2, batch_size=4, learning_rate=0.5, seed=9).recipe_changes())
    assert (changed.epochs, changed.batch_size, changed.learning_rate, changed.seed) == (2, 4, 0.5, 9)


def test_every_option_reaches_the_recipe_the_run_or_a_loader():
    options = TrainOptions()
    names = {entry.name for entry in fields(TrainOptions)}
    assert names == {"recipe", "init", *options.recipe_changes(), *options.run_settings()}
    assert options.recipe_changes().keys() <= {entry.name for entry in fields(Recipe)}


def test_train_takes_the_settings_of_a_run_with_the_same_defaults():
    tree = ast.parse((MODULE_FOLDER / "resformer_unet" / "training" / "train.py").read_text("utf-8"))
    (train,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "train"]
    keywords = [argument.arg for argument in train.args.kwonlyargs]
    defaults = dict(zip(keywords, map(ast.literal_eval, train.args.kw_defaults), strict=True))
    assert TrainOptions().run_settings().items() <= defaults.items()
