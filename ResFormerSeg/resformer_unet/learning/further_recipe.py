"""The recipe by which a model is trained further: its own descriptor and hyperparameters, at a lower learning rate."""

from __future__ import annotations

from dataclasses import fields

from resformer_unet.learning.readiness import few_cases_text
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.training.setup.recipe import Augmentation, Recipe

EPOCHS = 30
RATE = 0.3  # of the learning rate that the model was trained with: what it knows is to be adjusted, not replaced
# Parts of a descriptor that describe one training; the new training makes them anew.
_OF_THE_TRAINING = (
    "network", "patient_diagnosis", "calibration", "out_of_distribution", "training", "results", "weights",
    "network_onnx",
)  # fmt: skip


def further_recipe(bundle: ModelBundle, cases: int, epochs: int | None = None, **changes: float | None) -> Recipe:
    """A recipe with the model's segments, diagnoses and input, whose meaning stays.

    Args:
        cases: that it will be trained on; few of them become one of the new model's stated limits.
        epochs: by default ``EPOCHS``.
        changes: other hyperparameters, ``None`` for those of the model.
    """
    descriptor = {name: part for name, part in bundle.descriptor.items() if name not in _OF_THE_TRAINING}
    descriptor["title"] = _title(descriptor["title"])
    descriptor["version"] = _next(descriptor["version"])
    earlier = [limit for limit in descriptor["limits"] if not limit.startswith("Trained further on only")]
    descriptor["limits"] = [*filter(None, [few_cases_text(cases)]), *earlier]
    known = {entry.name for entry in fields(Recipe)} - {"descriptor", "augmentation"}
    recorded = bundle.descriptor["training"]["recipe"]
    values = {name: value for name, value in recorded.items() if name in known}
    # All of the structure: a preset may meanwhile have got parts that this model was trained without.
    config = NetworkConfig(**bundle.descriptor["network"])
    values["network"] = {**config.structure(), "dropout": config.dropout}
    of_augmentation = {entry.name for entry in fields(Augmentation)}
    augmentation = {key: x for key, x in recorded.get("augmentation", {}).items() if key in of_augmentation}
    recipe = Recipe(descriptor=descriptor, augmentation=Augmentation(**augmentation), **values)
    rate = changes.pop("learning_rate", None) or RATE * recipe.learning_rate
    # Smaller images in the first epochs save time in a long training; here they would unlearn what is there.
    return recipe.changed(epochs=epochs or EPOCHS, learning_rate=rate, initial_image_scale=1.0, **changes)


def _title(title: str) -> str:
    ending = ", trained further"
    return title if title.endswith(ending) else title + ending


def _next(version: str) -> str:
    major, minor, _ = version.split(".")
    return f"{major}.{int(minor) + 1}.0"
