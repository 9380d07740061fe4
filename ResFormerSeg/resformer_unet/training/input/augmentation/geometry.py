"""Geometric augmentation: image and mask move together, in one resampling."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from resformer_unet.training.input.augmentation.chances import happens
from resformer_unet.training.input.augmentation.sharpness import gaussian_blur
from resformer_unet.training.setup.augmentation import Augmentation

ZOOM = (0.7, 1.7)
RESAMPLED = 0.9  # of the pictures are rotated, scaled and shifted
LEAST_SHOWN = 0.6  # of a lesion's area that has to stay in the picture
BLURRED_BELOW = 0.85  # of the size; otherwise fine texture would alias


def move(image: Tensor, masks: Tensor, settings: Augmentation, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Flip, transpose, rotate, scale, shift and zoom.

    Args:
        image: float (channels, H, W), standardised; what comes in from outside is 0, as a letterbox's padding.
        masks: float (segments + 1, H, W) of 0 and 1; the last one is 1 inside the picture, 0 in the padding.

    Returns:
        Image and masks of the same size. Most of a lesion stays in the picture: its label would be wrong otherwise.
    """
    if happens(settings.transpose, random):
        image, masks = image.transpose(1, 2), masks.transpose(1, 2)
    flipped = [
        axis for axis, chance in ((1, settings.flip_rows), (2, settings.flip_columns)) if happens(chance, random)
    ]
    if flipped:
        image, masks = image.flip(flipped), masks.flip(flipped)
    zoomed = happens(settings.zoom, random)
    moved = happens(RESAMPLED * bool(settings.rotation or settings.scale or settings.shift), random)
    if not zoomed and not moved:
        return image.contiguous(), masks.contiguous()
    angle = math.radians(random.uniform(-settings.rotation, settings.rotation)) * moved
    factors = 1 + random.uniform(-settings.scale, settings.scale, 2) * moved
    shift = random.uniform(-settings.shift, settings.shift, 2) * moved
    zoom, place = (math.exp(random.uniform(*np.log(ZOOM))), random.random(2)) if zoomed else (1.0, (0.5, 0.5))
    lesion = _any_segment(masks)
    centre = _centre(lesion, zoom, place) + shift
    unchanged = (1.0, 1.0), (0.0, 0.0)
    for angle_tried, enlarged, middle in (
        (angle, factors * zoom, centre),
        (angle, factors, shift),
        (angle, *unchanged),
        (0.0, *unchanged),
    ):
        grid = _grid(image.shape[1:], angle_tried, enlarged, middle)
        shown = F.grid_sample(masks[None], grid, mode="nearest", align_corners=False)[0]
        if _any_segment(shown).sum() >= LEAST_SHOWN * lesion.sum() * enlarged[0] * enlarged[1]:
            break
    if min(enlarged) < BLURRED_BELOW:
        image = gaussian_blur(image, tuple(0.5 * max(0.0, 1 / factor - 1) + 1e-3 for factor in enlarged))
    return F.grid_sample(image[None], grid, mode="bilinear", align_corners=False)[0], shown


def _any_segment(masks: Tensor) -> Tensor:
    """(H, W), 1 in any segment."""
    return masks[:-1].amax(0) if len(masks) > 1 else torch.zeros_like(masks[0])


def _centre(lesion: Tensor, zoom: float, place: tuple[float, float]) -> np.ndarray:
    """Where the new picture's centre lies, (row, column) as fractions of the size from the old one's centre.

    An enlarged part lies anywhere in the picture, but contains the middle of the lesion if there is one.
    """
    free = np.full(2, max(0.0, 0.5 - 0.5 / zoom))  # how far the centre may go
    low, high = -free, free
    if zoom > 1 and lesion.any():
        middle = [(float(index.float().mean()) + 0.5) / length - 0.5
                  for index, length in zip(lesion.nonzero(as_tuple=True), lesion.shape, strict=True)]  # fmt: skip
        reach = 0.3 / zoom
        low, high = np.clip(np.array(middle) - reach, -free, free), np.clip(np.array(middle) + reach, -free, free)
    return low + np.asarray(place) * (high - low)


def _grid(size: tuple[int, int], angle: float, factors, centre) -> Tensor:
    """Sampling positions (1, H, W, 2) for the picture enlarged by ``factors`` and turned about ``centre``."""
    height, width = size
    cosine, sine = math.cos(angle), math.sin(angle)
    rows, columns = factors
    matrix = [
        [cosine / columns, -sine / columns * height / width, 2 * float(centre[1])],
        [sine / rows * width / height, cosine / rows, 2 * float(centre[0])],
    ]
    return F.affine_grid(torch.tensor([matrix], dtype=torch.float32), (1, 1, height, width), align_corners=False)
