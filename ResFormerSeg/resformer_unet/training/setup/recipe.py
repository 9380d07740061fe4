"""Training recipes: the descriptor of the model to be trained, and the hyperparameters."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.json_text import parse_json
from resformer_unet.training.setup.augmentation import Augmentation

PRETRAINED = ("imagenet", "none")


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
        """Raises ``EngineError`` RECIPE_INVALID for a value out of range."""
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("weight_decay", 0),
            ("seed", 0),
            ("diagnosis_weight", 0),
        ):
            if not getattr(self, name) >= least:
                raise _out_of_range(name, getattr(self, name), f"at least {least}")
        for name in ("label_smoothing", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise _out_of_range(name, getattr(self, name), "at least 0 and below 1")
        if self.pretrained not in PRETRAINED:
            raise _out_of_range("pretrained", self.pretrained, " or ".join(PRETRAINED))
        for name in ("learning_rate", "pretrained_rate", "initial_image_scale"):
            if not 0 < getattr(self, name) <= 1:
                raise _out_of_range(name, getattr(self, name), "above 0 and at most 1")

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
        training = dict(content["training"])
        augmentation = Augmentation(**training.pop("augmentation", {}))
        return Recipe(descriptor=content["descriptor"], augmentation=augmentation, **training)
    except (ValueError, KeyError, TypeError) as error:
        known = ", ".join(entry.name for entry in fields(Recipe) if entry.name != "descriptor")
        raise EngineError(
            "RECIPE_INVALID",
            f"The recipe {name_or_file} cannot be used: {error}.",
            f"It needs “descriptor” and “training”, the latter with any of: {known}.",
        ) from None


def _out_of_range(name: str, value: float, allowed: str) -> EngineError:
    return EngineError(
        "RECIPE_INVALID", f"A training's {name.replace('_', ' ')} cannot be {value}.", f"It must be {allowed}."
    )


def _folder():
    return resources.files("resformer_unet.training.setup") / "recipes"
