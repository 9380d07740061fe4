"""Random numbers that depend on the seed and on the place in the training alone: its epoch, and the sample's index.

A training that goes on after an interruption, or with another number of processes that prepare images, therefore
draws the very numbers that an unbroken one draws.
"""

from __future__ import annotations

import numpy as np
import torch
from monai.transforms import Compose


def numpy_stream(seed: int, *place: int) -> np.random.Generator:
    """The generator of a place, for instance ``numpy_stream(seed, epoch, index)``; all numbers at least 0."""
    return np.random.default_rng((seed, *place))


def torch_stream(seed: int, *place: int) -> torch.Generator:
    """As :func:`numpy_stream`, for torch on the CPU."""
    return torch.Generator().manual_seed(torch_seed(seed, *place))


def torch_seed(seed: int, *place: int) -> int:
    """What to seed torch with at a place."""
    return int(np.random.SeedSequence((seed, *place)).generate_state(1, np.uint64)[0] >> np.uint64(1))


class SeededTransforms:
    """MONAI's transforms, which draw for each sample from the stream of its own epoch and index.

    They share one generator: seeding each of them anew would take as long as the transforms themselves.
    """

    def __init__(self, transforms: Compose, seed: int) -> None:
        self._transforms, self._seed = transforms, seed
        self._random = np.random.RandomState()  # MONAI's transforms take no newer kind
        for transform in transforms.transforms:
            transform.set_random_state(state=self._random)

    def __call__(self, sample: dict, epoch: int, index: int) -> dict:
        self._random.seed(np.random.SeedSequence((self._seed, epoch, index)).generate_state(4))
        return self._transforms(sample)
