"""Training recipes: the descriptor of the model to be trained, and the hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path

from resformer_unet.errors import EngineError, shown
from resformer_unet.json_text import parse_json
from resformer_unet.model.network_config import TASKS
from resformer_unet.option_fields import Choice, Number, Switch, Text, WholeNumber
from resformer_unet.training.setup.augmentation import Augmentation

PRETRAINED = ("imagenet", "none")
_PARTS = {"descriptor", "training"}
_FRACTION, _SHARE = Number(0, 1, above=True), Number(0, 1)
_KINDS = {
    "preset": Text("NAME"), "pretrained": Choice(PRETRAINED), "epochs": WholeNumber(1), "batch_size": WholeNumber(1),
    "learning_rate": _FRACTION, "pretrained_rate": _FRACTION, "initial_image_scale": _FRACTION,
    "weight_decay": Number(0), "diagnosis_weight": Number(0), "class_balance": Number(0), "label_smoothing": _SHARE,
    "ema_decay": _SHARE, "cardiac_diagnosis": Switch(), "seed": WholeNumber(0),
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of a training run. ``descriptor`` is ``None`` if it is to be derived from the data set."""

    descriptor: dict | None = None
    preset: str = "small"
    network: dict = field(default_factory=dict)  # changes to the preset, fields of NetworkConfig
    pretrained: str = "imagenet"  # initial weights of the encoder's residual convolutions; "none": random ones
    epochs: int = 40
    batch_size: int = 16
    learning_rate: float = 1e-3
    pretrained_rate: float = 1.0  # learning rate of pretrained weights, as a fraction of the others'
    weight_decay: float = 0.02
    label_smoothing: float = 0.1
    class_balance: float = 0.5  # weight of a class: its frequency to the power of minus this
    diagnosis_weight: float = 0.5  # of the diagnosis loss; that of the segmentation is 1
    ema_decay: float = 0.998  # per step, of the exponential moving average of the weights, which becomes the model
    cardiac_diagnosis: bool = False  # diagnose patients from cardiac function parameters, see patient_regression
    initial_image_scale: float = 1.0  # of the input size in the first epoch, see progressive_resizing
    seed: int = 0
    augmentation: Augmentation = Augmentation()

    def __post_init__(self) -> None:
        """Raises ``EngineError`` RECIPE_INVALID for a value that is not of its type or out of range."""
        for name, kind in _KINDS.items():
            try:
                kind.check(getattr(self, name))
            except (TypeError, ValueError, OverflowError):
                raise _out_of_range(name, getattr(self, name), kind.requirement) from None
        for name in ("label_smoothing", "ema_decay"):
            if not getattr(self, name) < 1:
                raise _out_of_range(name, getattr(self, name), "at least 0 and below 1")
        if not isinstance(self.network, Mapping):
            raise _out_of_range("network", self.network, "an object of names and values")
        if given := [name for name in TASKS if name in self.network]:
            raise _out_of_range("network", given[0], "other fields: this one follows from the descriptor or the data")

    def changed(self, **changes) -> Recipe:
        """A copy with every change that is not ``None``."""
        return replace(self, **{key: value for key, value in changes.items() if value is not None})


def recipe_names() -> list[str]:
    """Recipes that come with the package."""
    return sorted(path.name.removesuffix(".json") for path in _folder().iterdir() if path.name.endswith(".json"))


def load_recipe(name_or_file: str) -> Recipe:
    """A recipe of the package by name, or a user's own JSON file of the same shape.

    Raises:
        EngineError: RECIPE_NOT_FOUND, RECIPE_INVALID.
    """
    source = _folder() / f"{name_or_file}.json" if name_or_file in recipe_names() else Path(name_or_file)
    if not source.is_file():
        known = ", ".join(recipe_names())
        raise EngineError(
            "RECIPE_NOT_FOUND", f"There is no recipe “{name_or_file}”.", f"Use a JSON file or one of {known}."
        )
    try:
        content = parse_json(source.read_text(encoding="utf-8-sig"))
        if unknown := sorted(content.keys() - _PARTS):
            raise ValueError(f"“{unknown[0]}” would be ignored beside “descriptor” and “training”")
        training = {**content["training"]}
        augmentation = Augmentation(**training.pop("augmentation", {}))
        return Recipe(descriptor=content["descriptor"], augmentation=augmentation, **training)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        known = ", ".join(entry.name for entry in fields(Recipe) if entry.name != "descriptor")
        raise EngineError(
            "RECIPE_INVALID",
            f"The recipe {name_or_file} cannot be used: {error}.",
            f"It needs “descriptor” and “training”, the latter with any of: {known}.",
        ) from None


def _out_of_range(name: str, value: object, allowed: str) -> EngineError:
    return EngineError(
        "RECIPE_INVALID", f"A training's {name.replace('_', ' ')} cannot be {shown(value)}.", f"It must be {allowed}."
    )


def _folder():
    return resources.files("resformer_unet.training.setup") / "recipes"
