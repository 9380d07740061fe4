"""Intensity scaling: from stored values of any modality to the range that the network was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

IMAGE_SAMPLE = 1_000_000  # values that the limits of a whole image are estimated from
SLICE_SAMPLE = 65_536  # the same for one slice: exact up to 256 x 256 pixels
FEWEST = 8  # samples along an axis, where it is that long
SMALLEST_SLICE_RANGE = 0.25  # of the image's range
EIGHT_BIT = (0, 255)  # fixed range of a model of ordinary pictures
DEEPER = (10, 12, 14, 16)  # bits that cameras, scanners and files have beyond 8
OVERSHOOT = 1.1  # filters and resampling go this far beyond white
SMALLEST_SHARE = 0.5  # of the white level, in a picture whose white level had to be guessed
DARKEST_PICTURE = 0.1  # share of the range that the brightest pixel of any usable picture reaches
MOST_CLIPPED = 0.2  # share of the values outside the range


def image_limits(voxels: np.ndarray, intensity: Mapping) -> tuple[float, float]:
    """Values of an image that are scaled to 0 and 1.

    Args:
        voxels: (slices, rows, columns, channels), any real dtype; may be memory-mapped, only a sample is read.
        intensity: ``intensity`` of the model descriptor.

    Returns:
        (lower, upper), lower < upper, in the units of the image.
    """
    if intensity["method"] == "percentile":
        return _percentiles(_sample(voxels, IMAGE_SAMPLE), intensity)
    if (intensity["lower"], intensity["upper"]) == EIGHT_BIT:
        return 0.0, _white_level(voxels)
    return float(intensity["lower"]), float(intensity["upper"])


def intensity_range_warning(
    voxels: np.ndarray, intensity: Mapping, limits: tuple[float, float]
) -> list[dict[str, str]]:
    """Whether the intensities of an image do not fit the fixed range of a model, as rows with ``code`` and ``message``.

    Args:
        voxels, intensity: as of :func:`image_limits`.
        limits: result of :func:`image_limits`.
    """
    if intensity["method"] == "percentile":
        return []
    lower, upper = limits
    sample = _finite(_sample(voxels, IMAGE_SAMPLE))
    outside = float(((sample < lower) | (sample > OVERSHOOT * upper)).mean()) if sample.size else 0.0
    share = (_highest(voxels) - lower) / (upper - lower)
    guessed = (intensity["lower"], intensity["upper"]) == EIGHT_BIT and voxels.dtype != np.uint8 and upper != 255
    if outside > MOST_CLIPPED:
        finding = f"{100 * outside:.0f} % of the values lie outside"
    elif share < (SMALLEST_SHARE if guessed else DARKEST_PICTURE):
        finding = f"the brightest pixel reaches only {100 * max(share, 0):.0f} % of it"
    elif share > OVERSHOOT:
        finding = f"the brightest pixel reaches {lower + share * (upper - lower):.0f}"
    else:
        return []
    message = (
        f"Intensities from {lower:g} (black) to {upper:g} (white) were assumed, but {finding}. If white is another "
        "value in this image, segmentation and diagnosis are wrong: convert it to 8 bits per channel, 0 to 255."
    )
    return [{"code": "UNUSUAL_INTENSITIES", "message": message}]


def _white_level(voxels: np.ndarray) -> float:
    """The value of white in a picture, for a model of 8-bit pictures.

    Floating-point pictures range from 0 to 1 or to 255. Pictures of more bits keep the bit depth of the camera or
    scanner, whatever word they are stored in; 65535 is white if they use all 16.
    """
    highest = _highest(voxels)
    if voxels.dtype.kind == "f" and highest <= OVERSHOOT:
        return 1.0
    if highest <= 255 * OVERSHOOT:
        return 255.0
    return next((2.0**bits - 1 for bits in DEEPER if highest <= OVERSHOOT * (2**bits - 1)), 65535.0)


def _highest(voxels: np.ndarray) -> float:
    """The highest finite value; 0 if there is none."""
    found = [float(values.max()) for values in map(_finite, voxels) if values.size]
    return max(found, default=0.0)


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)] if values.dtype.kind == "f" else values


def scale_slices(stack: np.ndarray, intensity: Mapping, limits: tuple[float, float]) -> np.ndarray:
    """Scale slices for the network: clip to 0...1 between the limits, then standardise by mean and standard deviation.

    With ``scope: slice`` each slice has its own percentiles, but never a range below a quarter of the image's, so that
    the noise of an empty slice is not amplified to full contrast. NaN and infinite values become the lower limit.

    Args:
        stack: (n, rows, columns, channels), any real dtype.
        intensity: ``intensity`` of the model descriptor.
        limits: :func:`image_limits` of the whole image.

    Returns:
        float32 (n, channels, rows, columns), contiguous.
    """
    count, rows, columns, channels = stack.shape
    mean = np.asarray(intensity["mean"], np.float32).reshape(-1, 1, 1)
    std = np.asarray(intensity["std"], np.float32).reshape(-1, 1, 1)
    by_slice = intensity["method"] == "percentile" and intensity["scope"] == "slice"
    scaled = np.empty((count, channels, rows, columns), np.float32)
    for pixels, result in zip(stack, scaled, strict=True):
        lower, upper = _slice_limits(pixels, intensity, limits) if by_slice else limits
        # float64 only where float32 would lose digits of the stored values (32-bit integers, doubles)
        exact = np.result_type(pixels.dtype, np.float32)
        values = result if exact == result.dtype else np.empty(result.shape, exact)
        values[...] = pixels.transpose(2, 0, 1)
        if pixels.dtype.kind == "f":
            values[~np.isfinite(values)] = lower
        values -= lower
        values *= 1 / (upper - lower)
        np.clip(values, 0, 1, out=values)
        values -= mean
        np.divide(values, std, out=result, casting="same_kind")
    return scaled


def _slice_limits(pixels: np.ndarray, intensity: Mapping, limits: tuple[float, float]) -> tuple[float, float]:
    lower, upper = _percentiles(_sample(pixels, SLICE_SAMPLE), intensity)
    return lower, max(upper, lower + SMALLEST_SLICE_RANGE * (limits[1] - limits[0]))


def _percentiles(sample: np.ndarray, intensity: Mapping) -> tuple[float, float]:
    """Lower and upper percentile over all channels together, which keeps the ratios of colours."""
    values = _finite(sample.ravel())
    if intensity.get("ignore") is not None:
        kept = values[values != intensity["ignore"]]
        values = kept if kept.size else values
    if not values.size:
        return 0.0, 1.0
    lower, upper = np.percentile(values, (intensity["lower"], intensity["upper"]))
    if lower == upper:  # nearly all pixels have one value: the few others are the content
        lower, upper = values.min(), values.max()
    return float(lower), float(upper) if upper > lower else float(lower) + 1.0


def _sample(values: np.ndarray, most: int) -> np.ndarray:
    """A regular subset of at most about ``most`` values; all channels of a voxel stay together.

    The step is the same along all axes but short ones, of which at least :data:`FEWEST` samples are taken: a few large
    slices all count.
    """
    lengths = values.shape[:-1]
    steps: list[int | None] = [None] * len(lengths)
    surplus = values.size / most
    for axis in sorted(range(len(lengths)), key=lengths.__getitem__):
        step = max(1, math.ceil(surplus ** (1 / steps.count(None))))
        if lengths[axis] >= FEWEST * step:
            steps = [step if known is None else known for known in steps]
            break
        steps[axis] = max(1, lengths[axis] // FEWEST)
        surplus /= steps[axis]
    return values[tuple(slice(None, None, step) for step in steps)]
