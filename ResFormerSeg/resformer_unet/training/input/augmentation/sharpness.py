"""Loss of detail: blur, coarser sampling, JPEG compression. Images are float (channels, H, W) of 0 to 1."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

BLUR = (0.5, 1.6)  # standard deviation in pixels, rows and columns apart
COARSER = (1.3, 3.5)  # times fewer rows and columns
UNEQUAL = 1.5  # so many times fewer at most in one direction than in the other
QUALITY = (15, 80)  # of JPEG


def blur(image: Tensor, random: np.random.Generator) -> Tensor:
    return gaussian_blur(image, tuple(random.uniform(*BLUR, 2)))


def gaussian_blur(image: Tensor, deviations: tuple[float, float]) -> Tensor:
    """Separable; the border's pixels are repeated. ``deviations`` of rows and of columns, in pixels, above 0."""
    for axis, deviation in zip((1, 2), deviations, strict=True):
        radius = min(max(1, math.ceil(2.5 * deviation)), image.shape[axis] - 1)
        weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / deviation) ** 2)
        weights /= weights.sum()
        padding = (0, 0, radius, radius) if axis == 1 else (radius, radius, 0, 0)
        padded = F.pad(image[None], padding, mode="replicate")[0]
        length = image.shape[axis]
        image = sum(weight * padded.narrow(axis, first, length) for first, weight in enumerate(weights.tolist()))
    return image


def coarsen(image: Tensor, random: np.random.Generator) -> Tensor:
    """Sampled more coarsely, and back to the same size, each by one of the usual interpolations."""
    factor, unequal = random.uniform(*COARSER), random.uniform(1, UNEQUAL)
    factors = (factor / unequal, factor) if random.random() < 0.5 else (factor, factor / unequal)
    size = [max(8, round(length / max(1.0, factor))) for length, factor in zip(image.shape[1:], factors, strict=True)]
    ways = ({"mode": "bilinear", "antialias": True}, {"mode": "bicubic", "antialias": True}, {"mode": "nearest-exact"})
    coarse = F.interpolate(image[None], size, **ways[random.choice(3, p=(0.6, 0.32, 0.08))])
    back = F.interpolate(coarse, image.shape[1:], **ways[random.choice(3, p=(0.5, 0.46, 0.04))])
    return back[0].clamp_(0, 1)


def compress(image: Tensor, random: np.random.Generator) -> Tensor:
    """Compressed as JPEG and read again; three channels are red, green and blue, others are compressed one by one."""
    quality = int(random.integers(QUALITY[0], QUALITY[1] + 1))
    pixels = (image.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    if pixels.shape[2] == 3:
        read = _compressed(pixels, quality)
    else:
        read = np.stack([_compressed(pixels[..., channel], quality) for channel in range(pixels.shape[2])], axis=2)
    return torch.from_numpy(read.transpose(2, 0, 1).astype(np.float32)) / 255


def _compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
