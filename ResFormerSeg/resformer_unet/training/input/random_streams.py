"""Random numbers that depend only on the random seed and the position in the training: epoch and sample index.

A resumed training, or one with another number of loader processes, therefore draws the same numbers as an
uninterrupted one.
"""

from __future__ import annotations

import numpy as np
import torch
from monai.transforms import Compose


def numpy_stream(seed: int, *position: int) -> np.random.Generator:
    """The generator of a position, for instance ``numpy_stream(seed, epoch, index)``; all numbers at least 0."""
    return np.random.default_rng((seed, *position))


def torch_stream(seed: int, *position: int) -> torch.Generator:
    """As :func:`numpy_stream`, for torch on the CPU."""
    return torch.Generator().manual_seed(torch_seed(seed, *position))


def torch_seed(seed: int, *position: int) -> int:
    """Seed for torch at a position."""
    return int(np.random.SeedSequence((seed, *position)).generate_state(1, np.uint64)[0] >> np.uint64(1))


class SeededTransforms:
    """MONAI's transforms, seeded for each sample by its epoch and index.

    They share one generator: seeding each transform would take as long as the transforms themselves.
    """

    def __init__(self, transforms: Compose, seed: int) -> None:
        self._transforms, self._seed = transforms, seed
        self._random = np.random.RandomState()  # MONAI's transforms take no newer kind
        for transform in transforms.transforms:
            transform.set_random_state(state=self._random)

    def __call__(self, sample: dict, epoch: int, index: int) -> dict:
        self._random.seed(np.random.SeedSequence((self._seed, epoch, index)).generate_state(4))
        return self._transforms(sample)
