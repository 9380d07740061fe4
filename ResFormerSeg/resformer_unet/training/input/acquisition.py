"""Simulated acquisition by another device or protocol: images that should still count as in-distribution."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from resformer_unet.image.medical_image import MedicalImage

GAMMA = 0.35  # natural logarithm of the exponent, to either side
NOISE = 0.04  # largest standard deviation, as a fraction of the intensity range
FIELD_OF_VIEW = 0.15  # largest fraction of rows and columns cropped or padded at each side


def varied_acquisition(image: MedicalImage, random: np.random.Generator) -> MedicalImage:
    """The image with random gamma, noise and a larger or smaller field of view.

    Returns:
        An image of the same dtype and within the same range of values; its affine is that of the original and
        no longer matches the voxels.
    """
    voxels = _framed(image.voxels, random.uniform(-FIELD_OF_VIEW, FIELD_OF_VIEW))
    lower, upper = (float(value) for value in np.percentile(image.voxels, (0.5, 99.5)))
    if not upper > lower:
        return image
    scaled = ((voxels.astype(np.float32) - lower) / (upper - lower)).clip(0, 1)
    scaled **= math.exp(random.uniform(-GAMMA, GAMMA))
    scaled += random.normal(0, random.uniform(0, NOISE), scaled.shape).astype(np.float32)
    varied = scaled.clip(0, 1) * (upper - lower) + lower
    if image.voxels.dtype.kind in "iu":
        varied = np.rint(varied)
    return replace(image, voxels=varied.astype(image.voxels.dtype))


def _framed(voxels: np.ndarray, fraction: float) -> np.ndarray:
    """(slices, rows, columns, channels) with a fraction of rows and columns cropped (negative) or padded per side."""
    rows, columns = (round(abs(fraction) * length) for length in voxels.shape[1:3])
    if fraction < 0:
        return voxels[:, rows : voxels.shape[1] - rows, columns : voxels.shape[2] - columns]
    return np.pad(voxels, ((0, 0), (rows, rows), (columns, columns), (0, 0)), constant_values=voxels.min())
