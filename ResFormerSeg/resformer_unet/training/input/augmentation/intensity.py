"""Intensities as other devices and their settings show them. Images are float (channels, H, W) of 0 to 1."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resformer_unet.training.input.augmentation.chances import either_side, happens, normal, smooth_field
from resformer_unet.training.setup.augmentation import Augmentation

GREY = torch.tensor([0.299, 0.587, 0.114])  # luminance, ITU-R BT.601


def change_intensities(image: Tensor, settings: Augmentation, random: np.random.Generator) -> Tensor:
    """Speckle, gains, gamma, colours and noise, in the order in which a device adds them.

    Returns:
        A new image of 0 to 1.
    """
    size = tuple(image.shape[1:])
    image = image.clamp(0, 1)
    if happens(0.5 * (settings.speckle > 0), random):
        image = image * (1 + random.uniform(0, settings.speckle) * _grains(size, random)).clamp_(min=0)
    logarithm = torch.zeros(1, 1, 1)
    if happens(0.5 * (settings.time_gain > 0), random):
        points = int(random.integers(3, 7))
        logarithm = logarithm + random.uniform(0, settings.time_gain) * smooth_field((points, 1), (size[0], 1), random)
    if happens(0.5 * (settings.bias_field > 0), random):
        grid = tuple(random.integers(2, 5, 2))
        logarithm = logarithm + random.uniform(0, settings.bias_field) * smooth_field(grid, size, random)
    logarithm = logarithm + either_side(settings.gain, random)
    if logarithm.any():
        image = image * logarithm.exp()
    exponent = math.exp(either_side(settings.gamma, random))
    if exponent != 1:
        image = image.clamp(0, 1) ** exponent
    image = _change_colours(image, settings, random)
    if happens(0.5 * (settings.noise > 0), random):
        image = image + random.uniform(0, settings.noise) * normal(tuple(image.shape), random)
    return image.clamp(0, 1)


def _grains(size: tuple[int, int], random: np.random.Generator) -> Tensor:
    """Noise (1, H, W) of mean 0 and standard deviation 1 whose grains are 1 to 2.5 pixels high and up to 4 wide."""
    high, wide = random.uniform(1, 2.5), random.uniform(1, 4)
    coarse = [max(4, round(length / grain)) for length, grain in zip(size, (high, wide), strict=True)]
    grains = F.interpolate(normal((1, 1, *coarse), random), size, mode="bilinear", align_corners=False)[0]
    return grains / grains.std()


def _change_colours(image: Tensor, settings: Augmentation, random: np.random.Generator) -> Tensor:
    if happens(0.5 * (settings.colour > 0), random):
        factors = 1 + random.uniform(-settings.colour, settings.colour, len(image))
        image = image * torch.from_numpy(factors.astype(np.float32))[:, None, None]
    if len(image) != 3:
        return image
    factor, turn = 1 + either_side(settings.saturation, random), 2 * math.pi * either_side(settings.hue, random)
    if factor == 1 and turn == 0:
        return image
    return torch.einsum("oc,chw->ohw", _colour_matrix(factor, turn), image)


def _colour_matrix(saturation: float, turn: float) -> Tensor:
    """(3, 3) matrix that turns colours about the grey axis and scales their distance from grey; luminance is kept."""
    axis = math.sqrt(1 / 3)
    cross = torch.tensor([[0.0, -axis, axis], [axis, 0.0, -axis], [-axis, axis, 0.0]])
    rotation = math.cos(turn) * torch.eye(3) + math.sin(turn) * cross + (1 - math.cos(turn)) / 3
    chroma = saturation * (torch.eye(3) - GREY.expand(3, 3)) @ rotation
    return GREY.expand(3, 3) + chroma
