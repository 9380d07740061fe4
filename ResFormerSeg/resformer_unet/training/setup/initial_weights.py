"""Fine-tuning: initialisation with the weights of a trained model, whose classes may differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.network import ResFormerUNet
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.model.weights import load_weights
from resformer_unet.training.setup.pretrained import adapted_to_channels
from resformer_unet.training.setup.recipe import Recipe

FIRST = "stem.0.weight"  # (stem, channels, 3, 3)
HEADS = {"segmentation": "segmentation.", "diagnosis": "classification.classify."}


@dataclass(frozen=True)
class InitialWeights:
    """Names of a network's tensors that were loaded from a model, adapted, or left at their random initialisation."""

    source: str
    taken: list[str]
    adapted: list[str]
    fresh: list[str]

    @staticmethod
    def with_structure_of(bundle: ModelBundle, recipe: Recipe) -> Recipe:
        """The recipe for a network of the model's structure; channels, segments and diagnoses are not part of it."""
        # Also what the descriptor leaves to the defaults: a preset may have parts that this model was trained without.
        network = {**recipe.network, **NetworkConfig(**bundle.descriptor["network"]).structure()}
        return recipe.changed(
            network=network, pretrained="none", preset=bundle.descriptor["training"]["recipe"].get("preset")
        )

    @classmethod
    def load(cls, bundle: ModelBundle, network: ResFormerUNet, descriptor: Mapping) -> InitialWeights:
        """Put the model's weights into the network, wherever they fit.

        The first convolution is adapted to another number of channels, see :func:`.adapted_to_channels`. A head whose
        segments or diagnoses differ from the model's keeps its random initialisation.

        Args:
            descriptor: of the model to be trained.

        Raises:
            EngineError: those of :func:`.load_weights`; MODEL_WEIGHTS_MISMATCH if not even the first
                convolution fits.
        """
        stored, own = load_weights(bundle), network.state_dict()
        other_heads = tuple(
            prefix for task, prefix in HEADS.items() if _targets(bundle.descriptor[task]) != _targets(descriptor[task])
        )
        weights: dict[str, Tensor] = {}
        taken, adapted, fresh = [], [], []
        for name, tensor in own.items():
            candidate = stored.get(name)
            if candidate is None or name.startswith(other_heads):
                fresh.append(name)
            elif candidate.shape == tensor.shape:
                weights[name] = candidate
                taken.append(name)
            elif name == FIRST and candidate.shape[0] == tensor.shape[0]:
                weights[name] = adapted_to_channels(candidate, tensor.shape[1])
                adapted.append(name)
            else:
                fresh.append(name)
        if FIRST not in weights:
            raise EngineError(
                "MODEL_WEIGHTS_MISMATCH",
                f"The model {bundle.id} has a network of another structure than the one to be trained.",
                "Choose another model, or train without --init.",
            )
        network.load_state_dict(weights, strict=False)
        return cls(bundle.id, taken, adapted, fresh)

    def summary(self) -> list[str]:
        """Lines for the user."""
        lines = [f"{len(self.taken)} of the network's {self._count} tensors were loaded from {self.source}."]
        if self.adapted:
            lines.append("The first convolution was adapted to the number of channels of these images.")
        if self.fresh:
            parts = sorted({name.split(".")[0] for name in self.fresh})
            lines.append(f"Randomly initialised, wholly or in part: {', '.join(parts)}.")
        return lines

    @property
    def _count(self) -> int:
        return len(self.taken) + len(self.adapted) + len(self.fresh)


def _targets(task: Mapping | None) -> list:
    """Meaning of a head's outputs, in their order."""
    if not task:
        return []
    return [row["id"] for row in task.get("segments", task.get("classes"))] + [task.get("exclusive")]
