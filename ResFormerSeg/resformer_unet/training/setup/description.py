"""The descriptor of a model to be trained, as far as it is known before the training."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import date
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import WEIGHTS, ModelBundle
from resformer_unet.model.descriptor import check_descriptor
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.training.setup.pretrained_source import pretrained_source
from resformer_unet.training.setup.recipe import Recipe

_NOT_STATED = {"licence": "not stated", "citation": "not stated"}
# Stand-ins for what only the data set tells, so that the rest of a recipe can be checked without it.
_SOME_TASK = {"input": {"channels": 1}, "segmentation": None, "diagnosis": {"classes": ["a", "b"]}}
_SOME_SIZE = [192, 192]


def network_config(descriptor: dict, recipe: Recipe) -> NetworkConfig:
    """The network that a descriptor's channels, segments and diagnoses and a recipe's preset ask for."""
    presets = {"small": NetworkConfig.small, "base": NetworkConfig.base}
    if recipe.preset not in presets:
        raise EngineError("RECIPE_INVALID", f"There is no preset “{recipe.preset}”.", f"Use {' or '.join(presets)}.")
    try:
        channels = descriptor["input"]["channels"]
        segmentation, diagnosis = descriptor["segmentation"], descriptor["diagnosis"]
        tasks = {
            "in_channels": channels,
            "segments": len(segmentation["segments"]) if segmentation else 0,
            "exclusive": bool(segmentation and segmentation["exclusive"]),
            "diagnoses": len(diagnosis["classes"]) if diagnosis else 0,
        }
    except (KeyError, TypeError) as error:
        raise EngineError(
            "RECIPE_INVALID", f"The recipe's descriptor is not complete: {error}.", "Correct it."
        ) from None
    try:
        return presets[recipe.preset](**{**recipe.network, **tasks})
    except (TypeError, ValueError) as error:
        raise EngineError("RECIPE_INVALID", f"The recipe's network is invalid: {error}.", "Correct it.") from None


def check_recipe(recipe: Recipe) -> None:
    """Check what can be checked of a recipe and its descriptor without a data set.

    Raises:
        EngineError: RECIPE_INVALID, MODEL_DESCRIPTOR_INVALID.
    """
    descriptor = recipe.descriptor
    if descriptor is None:
        network_config(_SOME_TASK, recipe)
        return
    config = network_config(descriptor, recipe)
    sized = {**descriptor, "input": {"size": _SOME_SIZE, **descriptor["input"]}}  # the size may be given separately
    described(sized, config, recipe, "cpu", "data", "model", cases=1)


def described(
    descriptor: dict,
    config: NetworkConfig,
    recipe: Recipe,
    device: str,
    dataset: str,
    output_name: str,
    cases: int,
    initial: ModelBundle | None = None,
) -> dict:
    """The descriptor with all that is known before training, validated: an error found afterwards would cost hours.

    A recipe's training data and licence apply only to the data set of the recipe's own name. The training data of the
    initial weights are listed as well.

    Args:
        device: in words; dataset, output_name: names of the folders; cases: in the training split.
    """
    recipes_own = dataset == descriptor.get("id") and descriptor.get("training", {}).get("data")
    data = descriptor["training"]["data"][0] if recipes_own else {"name": dataset, **_NOT_STATED}
    earlier = initial.descriptor["training"]["data"] if initial else []
    if recipe.pretrained != "none":
        earlier = [pretrained_source(config).training_data()]
    training = {
        "data": [{**data, "cases": cases}, *(row for row in earlier if row["name"] != data["name"])],
        "recipe": hyperparameters(recipe)
        | ({"initial": f"{initial.id} {initial.descriptor['version']}"} if initial else {}),
        "date": date.today().isoformat(),
        "epochs": recipe.epochs,
        "seconds": 0,
        "device": device,
    }
    known = {
        **descriptor,
        "id": re.sub("[^a-z0-9]+", "-", output_name.lower()).strip("-") or "model",
        "licence": descriptor.get("licence") if recipes_own else "not stated",
        "network": config.to_dict(),
        "training": training,
        "calibration": None,
        "results": [],
    }
    weights = {
        "file": WEIGHTS,
        "sha256": "0" * 64,
        "bytes": 1,
        "dtype": "float16",
    }  # a placeholder that passes the schema
    check_descriptor({**known, "weights": weights}, Path("descriptor of the recipe"))
    return known


def hyperparameters(recipe: Recipe) -> dict:
    """All of the recipe but the descriptor."""
    values = asdict(recipe)
    del values["descriptor"]
    return values
