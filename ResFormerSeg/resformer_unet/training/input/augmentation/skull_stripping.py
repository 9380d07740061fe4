"""Simulated skull stripping of a head in MR."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from resformer_unet.training.input.augmentation.artefacts import hides
from resformer_unet.training.input.augmentation.chances import smooth_field

COARSER = 2  # the head's shape is found on so many times fewer rows and columns
AIR = 0.06  # of the intensity range; darker is air
HEAD = (0.12, 0.85)  # share of the picture that a head covers
SKULL = (0.15, 0.28)  # depth of the brain's surface below the scalp, as a fraction of the head's half width
ROUND = (0.6, 0.9)  # radius of a disc that fits into the skull but not into face and neck, of its half width


def strip_skull(image: Tensor, lesion: Tensor, random: np.random.Generator) -> Tensor:
    """The image, black outside a smooth region within the skull; unchanged where no head is found or lesions would go.

    Args:
        image: float (channels, H, W) of 0 to 1, with the air about the head darker than ``AIR``.
        lesion: (H, W) of 0 and 1.
    """
    coarse = F.avg_pool2d(image.mean(0)[None, None], COARSER)[0, 0].numpy()
    head = ndimage.binary_fill_holes(ndimage.binary_opening(coarse > AIR, iterations=2))
    labels, count = ndimage.label(head)
    if not count:
        return image
    sizes = np.bincount(labels.ravel())[1:]
    head = labels == 1 + int(sizes.argmax())
    if not HEAD[0] <= head.mean() <= HEAD[1]:
        return image
    depth = ndimage.distance_transform_edt(np.pad(head, 1))[1:-1, 1:-1]
    half_width = depth.max()
    level = random.uniform(*SKULL) + 0.04 * smooth_field((5, 5), depth.shape, random)[0].numpy()
    below_skull = depth - level * half_width
    within = ndimage.distance_transform_edt(below_skull > 0)  # opening by a large disc leaves face and neck outside
    radius = random.uniform(*ROUND) * within.max()
    opened = radius + 1 - ndimage.distance_transform_edt(within < radius)
    surface = torch.from_numpy(np.minimum(below_skull, opened).astype(np.float32))[None, None]
    shown = F.interpolate(surface, image.shape[1:], mode="bilinear", align_corners=False)[0, 0] > 0
    return image if hides(~shown, lesion) else image * shown
