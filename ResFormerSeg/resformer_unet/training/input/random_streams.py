"""Random numbers that depend only on the random seed and the position in the training: epoch and sample index.

A resumed training, or one with another number of loader processes, therefore draws the same numbers as an
uninterrupted one.
"""

from __future__ import annotations

import numpy as np
import torch


def numpy_stream(seed: int, *position: int) -> np.random.Generator:
    """The generator of a position, for instance ``numpy_stream(seed, epoch, index)``; all numbers at least 0."""
    return np.random.default_rng((seed, *position))


def torch_stream(seed: int, *position: int) -> torch.Generator:
    """As :func:`numpy_stream`, for torch on the CPU."""
    return torch.Generator().manual_seed(torch_seed(seed, *position))


def torch_seed(seed: int, *position: int) -> int:
    """Seed for torch at a position."""
    return int(np.random.SeedSequence((seed, *position)).generate_state(1, np.uint64)[0] >> np.uint64(1))
