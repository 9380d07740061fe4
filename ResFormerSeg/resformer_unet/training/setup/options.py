"""What a user may choose for a training, beyond the data set, the output and the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from resformer_unet.option_fields import (
    Choice,
    ImageSize,
    Number,
    Options,
    Switch,
    Text,
    WholeNumber,
    bad_option,
    option,
)
from resformer_unet.training.setup.recipe import PRETRAINED


@dataclass(frozen=True)
class TrainOptions(Options):
    """Options of a training.

    Raises:
        EngineError: BAD_OPTION for a value out of range, and for ``init`` with a ``preset`` or with pretrained weights.
    """

    recipe: str | None = option(
        Text("NAME|FILE"), "The recipe", "descriptor and hyperparameters", absent="derived from the data set"
    )
    preset: str | None = option(
        Choice(("small", "base")), "The preset", "size of the network", absent="the recipe's, or small"
    )
    pretrained: str | None = option(
        Choice(PRETRAINED),
        "The pretrained weights",
        "initial weights of the encoder's convolutions",
        absent="the recipe's",
    )
    init: str | None = option(
        Text("ID|FOLDER"),
        "The initial model",
        "start from the network and weights of this model; its classes may differ",
        absent="pretrained or random weights",
    )
    epochs: int | None = option(
        WholeNumber(1), "The number of epochs", "passes over the training split", absent="the recipe's"
    )
    batch_size: int | None = option(WholeNumber(1), "The batch size", "slices per step", absent="the recipe's")
    size: tuple[int, int] | None = option(
        ImageSize(), "The input size", "input size of the network in pixels", absent="the recipe's, or 192 × 192"
    )
    learning_rate: float | None = option(
        Number(0, 1, above=True), "The learning rate", "peak learning rate", absent="the recipe's"
    )
    seed: int | None = option(WholeNumber(0), "The seed", "random seed", absent="the recipe's, or 0")
    precision: str | None = option(
        Choice(("auto", "32-true", "bf16-mixed", "16-mixed")),
        "The precision",
        "floating-point precision, as Lightning names it; auto: what the device computes fast",
        absent="auto",
    )
    workers: int | None = option(
        WholeNumber(0), "The number of workers", "processes that prepare training images", absent="by the CPU's cores"
    )
    resume: bool = option(
        Switch(), "The choice to resume", "resume an interrupted training after its last complete epoch", default=False
    )
    stress: bool = option(
        Switch(),
        "The choice of a stress test",
        "also evaluate the finished model under shifts, as evaluate --stress does",
        default=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.init is None:
            return
        if self.preset is not None:
            raise bad_option(
                "The preset and an initial model exclude each other: both determine the network.", "Leave one out."
            )
        if self.pretrained not in (None, "none"):
            raise bad_option(
                f"The pretrained weights “{self.pretrained}” and an initial model exclude each other: the network "
                "begins with the weights of one of them.",
                "Leave one out.",
            )

    def recipe_changes(self) -> dict[str, Any]:
        """Arguments of :meth:`.Recipe.changed`."""
        return {
            name: getattr(self, name)
            for name in ("preset", "pretrained", "epochs", "batch_size", "learning_rate", "seed")
        }

    def run_settings(self) -> dict[str, Any]:
        """Keyword arguments of :func:`.train`."""
        return {name: getattr(self, name) for name in ("size", "precision", "workers", "resume", "stress")}
