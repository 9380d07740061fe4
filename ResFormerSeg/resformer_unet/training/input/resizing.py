"""Training on small images first: cheap epochs for the coarse, full ones for the fine.

Tan and Le: EfficientNetV2: Smaller Models and Faster Training. ICML 2021, arXiv:2104.00298 ("progressive learning").
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

GROWN = 0.6  # of the epochs: from then on images have their full size
STEP = 16  # pixels that sizes are a multiple of
SMALLEST = 32  # pixels, what the network takes at least


def training_size(full: tuple[int, int], first: float, epoch: int, epochs: int) -> tuple[int, int]:
    """(height, width) of the images of an epoch, counted from 0: from ``first`` times the full size up to all of it."""
    fraction = min(1.0, first + (1 - first) * epoch / max(1.0, GROWN * epochs))
    if fraction >= 1:
        return full
    return tuple(min(length, max(SMALLEST, STEP * round(fraction * length / STEP))) for length in full)


def resize(images: Tensor, masks: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Images (n, channels, H, W) and masks of 0 and 1 (n, segments, H, W) at another size; half covered is inside."""
    if tuple(images.shape[2:]) == size:
        return images, masks
    images = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
    if masks.shape[1]:
        masks = (F.interpolate(masks, size=size, mode="bilinear", align_corners=False) >= 0.5).to(masks.dtype)
    else:
        masks = masks.new_zeros(len(masks), 0, *size)
    return images, masks
