"""Pictures without a place in a patient: a mole, a lump in ultrasound, and a slice of a head lying on its side."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from helpers.synthetic_samples import headSample, skinSample


def mole() -> np.ndarray:
    """A dark mole away from the middle of a portrait picture, as a camera of 12 bits stores it; (230, 170, 3) uint16.

    White is 4095, so the model's range of 8 bits has to be found.
    """
    upright = skinSample(seed=3, darkness=0.8).voxels[0].swapaxes(0, 1)
    part = upright[40:270, 30:200].astype(float)
    return np.rint(part * 15.1 + 90).clip(0, 4095).astype(np.uint16)


def lump() -> np.ndarray:
    """A dark lump at the lower left of layered tissue, with brighter echoes behind it; (151, 260) uint16 pixels."""
    rows, columns = shape = (151, 260)
    y, x = np.indices(shape).astype(float)
    noise = np.random.default_rng(11)
    lift = 5 * np.sin(x / 31) + 3 * np.sin(x / 13 + 1)
    depth = y + lift
    echo = np.select([y < 5, depth < 36, depth < 44, depth < 112, depth < 118], [0.9, 0.35, 0.75, 0.55, 0.8], 0.32)
    spot = np.hypot((x - 86) / 37, (y - 72) / 23) + 0.05 * np.sin(x / 6) * np.sin(y / 5)
    behind = (np.abs(x - 86) < 31) & (y > 90)
    echo = np.where(behind, echo * 1.45, echo)
    inside = 1 / (1 + np.exp((spot - 1) / 0.05))
    echo = echo + inside * (0.10 - echo)
    waves = [gaussian_filter(noise.normal(size=shape), (0.8, 1.4)) for _ in range(2)]
    speckle = np.hypot(*waves)
    picture = echo * (0.35 + 0.65 * speckle / speckle.mean()) * (1 - 0.25 * y / rows)
    return np.rint(171 + 613 * picture.clip(0, 1.3)).astype(np.uint16)


def head_on_its_side() -> np.ndarray:
    """A slice at the lower end of a tumour, the forehead to the left, cropped unevenly; (136, 170) int16 pixels.

    The model is of two minds about it, so small changes of its input show.
    """
    lying = headSample(seed=1).voxels[7].T
    return lying[:136, 2:172].astype(np.int16) * 3 + 957
