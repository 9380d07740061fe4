"""Initial weights of the encoder's residual convolutions, see :mod:`.pretrained_source`."""

from __future__ import annotations

import io
import re

import torch
from torch import Tensor

from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.training.setup.pretrained_source import content, pretrained_source

_NORMALISATIONS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def pretrained_weights(config: NetworkConfig) -> dict[str, Tensor]:
    """Weights of the stem and of every residual convolution, by their names in :class:`.ResFormerUNet`.

    The first convolution is for three channels; where the network has another number, see :func:`adapted_to_channels`.

    Raises:
        EngineError: those of :func:`pretrained_source`.
    """
    stored = torch.load(io.BytesIO(content(pretrained_source(config))), map_location="cpu", weights_only=True)
    names = {"stem.0.weight": "_conv_stem.weight", **_normalisation("stem.1", "_bn0")}
    block = 0
    for level, stages in enumerate(config.levels):
        for index, expansion in enumerate(stage.expansion for stage in stages for _ in range(stage.blocks)):
            ours, theirs = f"encoder.{level}.local.{index}", f"_blocks.{block}"
            if expansion > 1:
                names[f"{ours}.expand.0.weight"] = f"{theirs}._expand_conv.weight"
                names |= _normalisation(f"{ours}.expand.1", f"{theirs}._bn0")
            names[f"{ours}.depthwise.0.weight"] = f"{theirs}._depthwise_conv.weight"
            names[f"{ours}.project.0.weight"] = f"{theirs}._project_conv.weight"
            names |= _normalisation(f"{ours}.depthwise.1", f"{theirs}._bn1")
            names |= _normalisation(f"{ours}.project.1", f"{theirs}._bn2")
            block += 1
    weights = {ours: stored[theirs] for ours, theirs in names.items()}
    weights["stem.0.weight"] = adapted_to_channels(weights["stem.0.weight"], config.in_channels)
    return weights


def is_pretrained(name: str) -> bool:
    """Whether a parameter of :class:`.ResFormerUNet` is among those that :func:`pretrained_weights` gives."""
    return re.match(r"stem\.|encoder\.\d+\.local\.", name) is not None


def adapted_to_channels(weight: Tensor, channels: int) -> Tensor:
    """A convolution's weight (outputs, inputs, rows, columns) for another number of input channels.

    Each gets the mean over the inputs, scaled so that their sum is unchanged: one grey channel the sum over red, green
    and blue.
    """
    if weight.shape[1] == channels:
        return weight
    mean = weight.mean(1, keepdim=True)
    return mean.repeat(1, channels, 1, 1) * (weight.shape[1] / channels)


def _normalisation(ours: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.{name}": f"{theirs}.{name}" for name in _NORMALISATIONS}
