"""Volumes that lie obliquely in a patient: a head, an eye, and a heart in two phases."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from helpers.synthetic_samples import headSample


def head() -> np.ndarray:
    """Eight slices of a head with a tumour; float32 (136, 8, 162), whose axes run to the right, the feet, the back.

    It fades towards the head, so that the slices must be scaled one by one.
    """
    slices = headSample(seed=0).voxels[7:15, 4:166, 6:142].astype(np.float32)  # (head, back, left)
    slices *= np.linspace(1, 0.65, 8, dtype=np.float32)[:, None, None]
    return np.ascontiguousarray(slices[::-1, :, ::-1].transpose(2, 0, 1)) * 1.7 - 333.5


def eye() -> np.ndarray:
    """Three scans through a retina with pockets of fluid, the last one without; int16 (3, 130, 250).

    A corner is blank, with the value 255, far above all others, by which the training images mark what was not scanned.
    """
    y, x = np.indices((130, 250)).astype(float)
    return np.stack([_scan(number, x, y) for number in range(3)])


def _scan(number: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(20 + number)
    swelling = (14 if number < 2 else 0) * np.exp(-(((x - 150) / 45) ** 2))
    top = 42 + 0.0006 * (x - 120) ** 2 - swelling + (2 - number)
    bottom = 86 + 0.0006 * (x - 120) ** 2 - 2 * np.sin(x / 40)
    share = (y - top) / (bottom - top)  # 0 at the surface of the retina, 1 at its pigment
    layers = [share < 0, share < 0.14, share < 0.45, share < 0.56, share < 0.82, share < 0.90, share < 1.08]
    value = np.select(layers, [0.05, 0.75, 0.45, 0.55, 0.30, 0.65, 0.95], 0.42 * np.exp(-(share - 1.08) / 0.6))
    if number < 2:
        for column, row, width, height in ((138, 60, 12, 10), (166, 58, 15, 12), (112, 66, 8, 6)):
            pocket = np.hypot((x - column - 4 * number) / width, (y - row) / height)
            value += (0.04 - value) / (1 + np.exp((pocket - 1) / 0.06))
    speckle = np.hypot(*(gaussian_filter(noise.normal(size=x.shape), 0.7) for _ in range(2)))
    picture = gaussian_filter(value, 0.6) * (0.55 + 0.45 * speckle / speckle.mean())
    scan = np.rint(picture * (97 - 15 * number) - 37).astype(np.int16)
    scan[-14:, :70] = 255
    return scan


def heart(diastole: bool) -> np.ndarray:
    """Short-axis slices of a heart from base to apex, left of the middle; int16 (5, 104, 176).

    They are wider than what the model looks at, and lower. At end-systole the chambers are smaller, the wall thicker.
    """
    return np.stack([_short_axis(number, diastole) for number in range(5)])


def _short_axis(number: int, diastole: bool) -> np.ndarray:
    y, x = np.indices((104, 176)).astype(float)
    noise = np.random.default_rng(40 + number + 10 * diastole)
    x, y = (x - 74) * 1.55, (y - 60) * 1.9  # millimetres from the middle of the left ventricle
    taper = 1 - 0.13 * number
    inner, outer = (25 * taper, 34 * taper + 1) if diastole else (17.5 * taper, 31 * taper + 1)
    distance = np.hypot(x, y) * (1 + 0.03 * np.cos(2 * np.arctan2(y, x) + 0.4))
    right_width = (1.0 if diastole else 0.78) * taper
    right = np.hypot((x + 30 * taper) / (29 * right_width), (y + 8) / (34 * right_width)) < 1
    chest = np.hypot((x + 8) / 92, y / 88)
    lung = np.hypot((x - 62) / 40, (y + 5) / 62) < 1
    lung |= np.hypot((x + 75) / 22, (y - 5) / 50) < 1
    value = np.select(
        [distance < inner, distance < outer, right, distance < outer + 4, chest > 1, lung, chest > 0.9],
        [0.85, 0.24, 0.80, 0.50, 0.02, 0.06, 0.75],
        0.36 + 0.05 * np.sin(x / 9) * np.sin(y / 7),
    )
    for angle in (0.7, 2.6):  # papillary muscles
        muscle = np.hypot(x - 0.6 * inner * np.cos(angle), y - 0.6 * inner * np.sin(angle)) < 3.4 * taper
        value[muscle] = 0.3
    value = gaussian_filter(value, 0.7) * (1 + 0.0012 * x) + 0.02 * noise.normal(size=x.shape)
    return np.rint(value.clip(0) * 731 + 87).astype(np.int16)
