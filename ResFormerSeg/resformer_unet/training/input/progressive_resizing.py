"""Progressive resizing: the first epochs use smaller images, which makes them cheaper.

Tan and Le: EfficientNetV2: Smaller Models and Faster Training. ICML 2021, arXiv:2104.00298 ("progressive learning").
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

FULL_SIZE_FROM = 0.6  # fraction of the epochs after which images have their full size
STEP = 16  # pixels that sizes are a multiple of
SMALLEST = 32  # pixels, the network's smallest input


def training_size(full: tuple[int, int], initial_scale: float, epoch: int, epochs: int) -> tuple[int, int]:
    """(height, width) of the images in an epoch, counted from 0."""
    fraction = min(1.0, initial_scale + (1 - initial_scale) * epoch / max(1.0, FULL_SIZE_FROM * epochs))
    if fraction >= 1:
        return full
    return tuple(min(length, max(SMALLEST, STEP * round(fraction * length / STEP))) for length in full)


def resize(images: Tensor, masks: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Images (n, channels, H, W) and masks of 0 and 1 (n, segments, H, W) at another size, thresholded at one half."""
    if tuple(images.shape[2:]) == size:
        return images, masks
    images = F.interpolate(images, size=size, mode="bilinear", align_corners=False)
    if masks.shape[1]:
        masks = (F.interpolate(masks, size=size, mode="bilinear", align_corners=False) >= 0.5).to(masks.dtype)
    else:
        masks = masks.new_zeros(len(masks), 0, *size)
    return images, masks
