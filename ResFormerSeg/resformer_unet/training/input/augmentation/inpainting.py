"""Lesion inpainting: lesion-free samples from pictures that all contain a lesion."""

from __future__ import annotations

import math

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from resformer_unet.training.input.arrays import UNKNOWN

TRIES = 8


def inpaint_lesion(sample: dict, random: np.random.Generator) -> dict:
    """Replace the lesions by tissue from elsewhere in the picture, which gives a lesion-free sample, or leave them.

    In a data set whose every picture contains a lesion, a network learns that there always is one. A region beside a
    lesion that stays is inpainted equally often, so that traces of inpainting do not indicate lesion-free pictures.

    Args:
        sample: ``image`` (channels, H, W), ``mask`` (segments, H, W), ``label``, ``has_mask``; it is not changed.
    """
    if not sample["has_mask"] or not sample["mask"].any():
        return sample
    lesion = sample["mask"].amax(0, keepdim=True)  # (1, H, W)
    if random.random() < 0.5:
        image = _inpaint(sample["image"], lesion, lesion, random)
        if image is None:
            return sample
        return {**sample, "image": image, "mask": sample["mask"] * 0, "label": sample["label"] * 0 + UNKNOWN}
    beside = lesion.roll(_random_shift(lesion, random), (1, 2))
    if (beside * _grown(_grown(lesion))).any():  # inpainting reaches five pixels beyond its region
        return sample
    image = _inpaint(sample["image"], beside, lesion, random)
    return sample if image is None else {**sample, "image": image}


def _inpaint(image: Tensor, region: Tensor, lesion: Tensor, random: np.random.Generator) -> Tensor | None:
    """The image with the region replaced by the lesion-free place that best continues its surroundings."""
    inner = _grown(region)
    around = _grown(inner)
    ring = around - inner
    best, best_difference = None, math.inf
    for _ in range(TRIES):
        shift = _random_shift(image, random)
        source = image.roll(shift, (1, 2))
        if (lesion.roll(shift, (1, 2)) * around).any():
            continue
        difference = ((source - image).abs() * ring).sum().item()
        if difference < best_difference:
            best, best_difference = source, difference
    if best is None:
        return None
    soft = F.avg_pool2d(inner[None], 5, 1, 2, count_include_pad=False)[0]
    return image + soft * (best - image)


def _random_shift(image: Tensor, random: np.random.Generator) -> tuple[int, int]:
    return tuple(int(random.integers(-length // 3, length // 3 + 1)) for length in image.shape[1:])


def _grown(region: Tensor) -> Tensor:
    rows = F.max_pool2d(region[None], (7, 1), 1, (3, 0))  # one direction after the other is several times faster
    return F.max_pool2d(rows, (1, 7), 1, (0, 3))[0]
