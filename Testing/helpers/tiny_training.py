"""A training that takes seconds."""

from __future__ import annotations

from pathlib import Path

from helpers.tiny_model import TINY_NETWORK
from resformer_unet.training.setup.recipe import Recipe
from resformer_unet.training.train import train

TINY = Recipe(network=TINY_NETWORK, pretrained="none", epochs=1, batch_size=3, ema_decay=0.5)


def trained(data: Path, output: Path, recipe: Recipe = TINY, **options):
    return train(data, output, recipe, **{"device": "cpu", "size": (32, 32), "workers": 0, **options})
