"""What is drawn at random, from the generator of one sample."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def happens(probability: float, random: np.random.Generator) -> bool:
    """Draws nothing for a probability of 0: what is off does not change what else is drawn."""
    return probability > 0 and random.random() < probability


def either_side(strength: float, random: np.random.Generator) -> float:
    """0 for half of the pictures, else uniform between minus and plus ``strength``."""
    return random.uniform(-strength, strength) if happens(0.5 * (strength > 0), random) else 0.0


def normal(shape: tuple[int, ...], random: np.random.Generator) -> Tensor:
    """Standard normal float32 values."""
    return torch.from_numpy(random.standard_normal(shape, np.float32))


def smooth_field(grid: tuple[int, int], size: tuple[int, int], random: np.random.Generator) -> Tensor:
    """Values between about -1 and 1 (1, H, W) that change smoothly from one of ``grid`` points to the next."""
    coarse = torch.from_numpy(random.uniform(-1, 1, (1, 1, *grid)).astype(np.float32))
    smooth = F.interpolate(coarse, [8 * points for points in grid], mode="bicubic", align_corners=True)
    return F.interpolate(smooth, size, mode="bilinear", align_corners=True)[0]
