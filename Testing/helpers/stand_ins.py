"""Networks made by hand, whose right output is known, in the place of trained ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from helpers.tiny_model import tiny_descriptor
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.network import Logits, NetworkConfig


class BrightNetwork(nn.Module):
    """Segments what is brighter than one half; each overlapping segment beyond the first has a higher threshold.

    The diagnosis logits are the mean brightness of the upper half, of the lower half, of the left half and of the
    right half of the input, as many as there are diagnoses, so that they change when the image is rotated.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.seen: list[Tensor] = []

    def forward(self, image: Tensor) -> Logits:
        self.seen.append(image.detach().cpu().clone())
        brightness = image.mean(1, keepdim=True)
        steps = torch.arange(self.config.segments, device=image.device).view(1, -1, 1, 1)
        segments = 40 * (brightness - 0.5 - 0.2 * steps)
        if self.config.exclusive:
            segments = torch.cat([torch.zeros_like(brightness), segments], 1)
        height, width = image.shape[2] // 2, image.shape[3] // 2
        halves = (image[:, :, :height], image[:, :, height:], image[..., :width], image[..., width:])
        diagnosis = torch.stack([4 * half.mean((1, 2, 3)) for half in halves], 1)[:, : self.config.diagnoses]
        return Logits(
            segments if self.config.segments else None,
            diagnosis if self.config.diagnoses else None,
        )


def stand_in_bundle(size: tuple[int, int] = (128, 128), segmentation: dict | None = None, **changes) -> ModelBundle:
    """A descriptor in memory; ``segmentation`` changes entries of that part, the rest goes to ``tiny_descriptor``."""
    descriptor = tiny_descriptor(**changes)
    descriptor["input"] = {**descriptor["input"], "size": list(size)}
    if descriptor["segmentation"]:
        descriptor["segmentation"] |= segmentation or {}
        descriptor["network"]["exclusive"] = descriptor["segmentation"]["exclusive"]
    return ModelBundle(Path("tiny"), {**descriptor, "weights": {"sha256": "0" * 64}})


def stand_in_predictor(
    monkeypatch: pytest.MonkeyPatch,
    bundle: ModelBundle,
    network: Callable[[NetworkConfig], nn.Module] = BrightNetwork,
) -> Predictor:
    """A real predictor around a network made by hand."""
    made = network(NetworkConfig(**bundle.descriptor["network"]))
    monkeypatch.setattr("resformer_unet.inference.backends.choice.load_network", lambda _: made)
    return Predictor(bundle, "cpu:torch")


def predict(monkeypatch, image: MedicalImage, orientation: str = "radiological", axis: str = "acquisition", **changes):
    bundle = stand_in_bundle(**changes)
    bundle.descriptor["input"] |= {
        "slice_axis": axis, "orientation": {"volume": orientation, "picture": "stored"}
    }  # fmt: skip
    return stand_in_predictor(monkeypatch, bundle).predict(image)
