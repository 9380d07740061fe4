"""Images as another device or protocol might have made them: what a model should still take for its own kind."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from resformer_unet.image.medical_image import MedicalImage

GAMMA = 0.35  # natural logarithm of the exponent, to either side
NOISE = 0.04  # largest standard deviation, as a fraction of the intensity range
FIELD = 0.15  # of rows and columns that are cut off or added at each side, at most


def varied_acquisition(image: MedicalImage, random: np.random.Generator) -> MedicalImage:
    """The image with other middle tones, noise and a larger or smaller field of view.

    Returns:
        An image of the same dtype and within the same range of values; its affine is that of the original, so it may
        be looked at, but not be laid over the original.
    """
    voxels = _framed(image.voxels, random.uniform(-FIELD, FIELD))
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
    """(slices, rows, columns, channels) with a fraction of its rows and columns cut off, or added, at each side."""
    rows, columns = (round(abs(fraction) * length) for length in voxels.shape[1:3])
    if fraction < 0:
        return voxels[:, rows : voxels.shape[1] - rows, columns : voxels.shape[2] - columns]
    return np.pad(voxels, ((0, 0), (rows, rows), (columns, columns), (0, 0)), constant_values=voxels.min())
