"""The project's synthetic sample images: computed by this program, without patient data.

The module ships both as sample data; tests, and the demonstration without a network connection, compute them. A model's
result on them has no medical meaning, but they contain a lesion to segment, and every number can be checked.

>>> head = headSample()
>>> head.voxels.shape, head.lesion.sum()
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True)
class SyntheticSample:
    """voxels: (slices, rows, columns) int16, or uint8 with a last axis for red, green and blue.

    lesion: boolean (slices, rows, columns). spacing: mm along column, row and slice; the axes are those of LPS, and
    the middle of the image is the origin.
    """

    voxels: np.ndarray
    lesion: np.ndarray
    spacing: tuple[float, float, float]

    def save(self, image: Path, lesion: Path | None = None) -> None:
        """Writes compressed images in the format of the suffixes."""
        import SimpleITK as sitk

        for path, array in ((image, self.voxels), (lesion, self.lesion.astype(np.uint8))):
            if path is not None:
                picture = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
                picture.SetSpacing(self.spacing)
                picture.SetOrigin(
                    [-step * (size - 1) / 2 for step, size in zip(self.spacing, picture.GetSize(), strict=True)]
                )
                sitk.WriteImage(picture, str(path), useCompression=True)


def headSample(seed: int = 0) -> SyntheticSample:
    """A head as in T1-weighted MR after contrast agent, with an enhancing tumour; 144 x 176 x 18 voxels."""
    spacing, shape = (1.25, 1.25, 6.0), (18, 176, 144)
    noise = _Noise(seed, shape, spacing)
    x, y, z = _millimetres(shape, spacing)  # to the patient's left, back and head

    head = np.sqrt((x / 74) ** 2 + ((y + 4) / 95) ** 2 + ((z - 4) / 80) ** 2) + 0.02 * noise.smooth(18)
    folds = noise.smooth(5)
    white = (head < 0.72 + 0.10 * folds) & (np.abs(x) > 3)
    voxels = np.select(
        [head > 1, head > 0.945, head > 0.915, head > 0.90, white],
        [0, 850, 60, 110, 390],
        300 - 60 * (folds > 1.1),  # cortex, with fluid in its furrows
    ).astype(float)
    inside = head < 0.90
    voxels[inside & (np.abs(x) < 1.5) & (np.abs(y) > 30)] = 130  # between the hemispheres
    for side in (-1, 1):  # the ventricles
        ventricle = ((x - side * (9 + 0.006 * y**2)) / 7) ** 2 + (y / 34) ** 2 + ((z - 8) / 17) ** 2
        voxels[ventricle < 1] = 100

    tumour = np.sqrt(((x - 33) / 18) ** 2 + ((y + 22) / 20) ** 2 + ((z - 14) / 19) ** 2) + 0.10 * noise.smooth(7)
    lesion = inside & (tumour < 1)
    voxels[lesion] = 690
    voxels[inside & (tumour < 0.5)] = 230  # its dead core
    voxels = gaussian_filter(voxels, (0, 0.7, 0.7)) * (1 + 0.06 * noise.smooth(60)) + 14 * noise.white()
    return SyntheticSample((voxels.clip(0) // 4 * 4).astype(np.int16), lesion, spacing)


def skinSample(seed: int = 0, darkness: float = 0.55) -> SyntheticSample:
    """A pigmented spot on skin as a dermatoscope shows it, with hairs across; 288 x 224 pixels of 0.06 mm.

    darkness: of the spot, 0 light brown to 1 nearly black.
    """
    spacing, shape = (0.06, 0.06, 1.0), (1, 224, 288)
    noise = _Noise(seed, shape, spacing)
    x, y, _ = _millimetres(shape, spacing)

    spot = np.hypot((x - 0.3) / 4.0, (y + 0.2) / 3.1) + 0.13 * noise.smooth(0.9) + 0.04 * noise.smooth(0.25)
    lesion = spot < 1
    depth = 1 / (1 + np.exp((spot - 1) / 0.05))  # 0 on the skin, 1 in the spot, a soft border between
    pigment = (
        darkness + 0.20 * noise.smooth(0.8) + 0.10 * np.sin(x / 0.11) * np.sin(y / 0.11) + 0.08 * noise.smooth(0.12)
    )
    skin, light, dark = (np.array(color, float) for color in ((216, 164, 140), (150, 92, 66), (58, 32, 28)))
    brown = light + (dark - light) * pigment.clip(0, 1)[..., None]
    pixels = skin * (1 + 0.03 * noise.smooth(1.5) + 0.015 * noise.smooth(0.2))[..., None]
    pixels += depth[..., None] * (brown - pixels)
    for offset, slope in ((-5.2, 0.55), (1.8, -0.35), (6.3, 0.9)):  # hairs
        hair = np.exp(-(((y - slope * x - offset - 0.4 * np.sin(x / 3)) / 0.09) ** 2))
        pixels += 0.7 * hair[..., None] * (np.array((60, 42, 36)) - pixels)
    pixels *= (1.04 - 0.004 * (x**2 + y**2))[..., None].clip(0.4)  # the lamp is bright in the middle
    pixels += 2.5 * np.random.default_rng(seed + 1).normal(size=pixels.shape)
    return SyntheticSample((pixels.clip(0, 255) // 2 * 2).astype(np.uint8), lesion, spacing)


class _Noise:
    """Random textures of mean 0 and standard deviation 1 on a grid, always the same for a seed."""

    def __init__(self, seed: int, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> None:
        self._generator = np.random.default_rng(seed)
        self._shape, self._spacing = shape, spacing

    def white(self) -> np.ndarray:
        return self._generator.normal(size=self._shape)

    def smooth(self, width: float) -> np.ndarray:
        """Patches of about `width` mm."""
        patches = gaussian_filter(self.white(), [width / step for step in reversed(self._spacing)], mode="wrap")
        return (patches - patches.mean()) / patches.std()


def _millimetres(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> tuple[np.ndarray, ...]:
    """Coordinates from the middle along column, row and slice, each of the given shape."""
    k, j, i = np.indices(shape)
    columns = zip((i, j, k), reversed(shape), spacing, strict=True)
    return tuple((index - (length - 1) / 2) * step for index, length, step in columns)
