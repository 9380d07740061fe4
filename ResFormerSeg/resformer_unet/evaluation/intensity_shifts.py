"""Shifts of the intensities that another device, protocol or archive brings: contrast, noise, sharpness, artefacts.

Every function takes values float32 (slices, rows, columns, channels) in 0...1, the random generator of the case, and
the strength of the shift; and gives new values, which may leave that range.
"""

from __future__ import annotations

import io
import math

import numpy as np
from scipy import ndimage

REFERENCE = 256  # rows to which widths in pixels refer; they grow with the image


def contrast(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Contrast around the mean lower or higher by a factor of 1 + strength."""
    mean = values.mean((1, 2), keepdims=True)
    return mean + (values - mean) * (1 + strength) ** _sign(random)


def gamma(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Exponent exp(strength), or its reciprocal."""
    return values.clip(0, 1) ** math.exp(_sign(random) * strength)


def gain(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """All intensities scaled by 1 + strength, or divided by it; what exceeds the range saturates."""
    return values * (1 + strength) ** _sign(random)


def noise(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Gaussian noise with that standard deviation, a fraction of the intensity range."""
    return values + random.normal(0, strength, values.shape).astype(np.float32)


def blur(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Gaussian blur with that standard deviation in pixels of an image with 256 rows."""
    sigma = strength * values.shape[1] / REFERENCE
    return ndimage.gaussian_filter(values, (0, sigma, sigma, 0), mode="nearest")


def resolution(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Sampled with pixels that are larger by that factor, and brought back to the grid linearly."""
    _, rows, columns, _ = values.shape
    coarse = max(round(rows / strength), 8), max(round(columns / strength), 8)
    sigma = 0.4 * (strength - 1)  # against aliasing
    smooth = ndimage.gaussian_filter(values, (0, sigma, sigma, 0), mode="nearest")
    return _resampled(_resampled(smooth, coarse), (rows, columns))


def jpeg(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Compressed as JPEG with that quality, 1 to 95."""
    compressed = np.empty_like(values)
    for slice_values, back in zip(values, compressed, strict=True):
        pixels = (slice_values.clip(0, 1) * 255).round().astype(np.uint8)
        parts = [pixels] if pixels.shape[-1] == 3 else np.split(pixels, pixels.shape[-1], axis=-1)
        decoded = [_through_jpeg(part.squeeze(), int(strength)).reshape(part.shape) for part in parts]
        back[:] = np.concatenate(decoded, axis=-1) / np.float32(255)
    return compressed


def bias_field(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Uneven illumination or coil sensitivity: a smooth field between 1 / (1 + strength) and 1 + strength."""
    coarse = random.uniform(-1, 1, (1, 4, 4, 1)).astype(np.float32)
    field = _resampled(coarse, values.shape[1:3])
    field *= math.log(1 + strength) / max(float(np.abs(field).max()), 1e-6)
    return values * np.exp(field)


def ghosting(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Magnetic resonance: a ghost of that weight, displaced along the phase-encoding direction by patient motion."""
    axis = int(random.integers(1, 3))
    shift = round(values.shape[axis] * random.uniform(0.15, 0.5))
    return (values + strength * np.roll(values, shift, axis)) / (1 + strength / 2)


def shadows(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Ultrasound and OCT: bands down the image that take away that fraction of the signal."""
    columns = np.arange(values.shape[2])
    light = np.ones(len(columns), np.float32)
    for _ in range(3):
        centre, width = random.uniform(0, len(columns)), random.uniform(0.02, 0.06) * len(columns)
        light *= 1 - strength * np.exp(-0.5 * ((columns - centre) / width) ** 2).astype(np.float32)
    return values * light[:, None]


def hairs(values: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Pictures: that many dark arcs, one pixel wide in an image with 256 rows, as hairs on skin are."""
    _, rows, columns, _ = values.shape
    cover = np.zeros((rows, columns), np.float32)
    along = np.linspace(0, 1, 2 * (rows + columns))
    for _ in range(int(strength)):
        start, middle, end = random.uniform(0, 1, (3, 2)) * (rows - 1, columns - 1)
        line = np.outer((1 - along) ** 2, start) + np.outer(2 * along * (1 - along), middle) + np.outer(along**2, end)
        cover[tuple(line.round().astype(int).T)] = 1
    sigma = 0.5 * rows / REFERENCE
    cover = (ndimage.gaussian_filter(cover, sigma) * 2 * sigma * math.sqrt(math.pi)).clip(0, 1)[..., None]
    return values * (1 - 0.8 * cover)


def _through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _sign(random: np.random.Generator) -> int:
    return int(random.choice((-1, 1)))


def _resampled(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Linearly, the outermost edges of the pixels kept in place."""
    _, rows, columns, _ = values.shape
    zoom = size[0] / rows, size[1] / columns
    return ndimage.zoom(values, (1, *zoom, 1), order=1, mode="nearest", grid_mode=True)
