"""Intensity scaling: stored values of any modality to the numbers that the network was trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

IMAGE_SAMPLE = 1_000_000  # values that the limits of a whole image are estimated from
SLICE_SAMPLE = 65_536  # the same for one slice: exact up to 256 x 256 pixels
SMALLEST_SLICE_RANGE = 0.25  # of the image's range


def image_limits(voxels: np.ndarray, intensity: Mapping) -> tuple[float, float]:
    """Values of an image that are scaled to 0 and 1.

    Args:
        voxels: (slices, rows, columns, channels), any real dtype; may be memory-mapped, only a sample is read.
        intensity: ``intensity`` of the model descriptor.

    Returns:
        (lower, upper), lower < upper, in the units of the image.
    """
    if intensity["method"] == "fixed":
        lower, upper = float(intensity["lower"]), float(intensity["upper"])
        # A 16-bit picture for a model of 8-bit pictures: 65535 = 255 * 257 is white in both.
        if voxels.dtype == np.uint16 and upper == 255 and voxels.max() > 255:
            return lower * 257, upper * 257
        return lower, upper
    return _percentiles(_sample(voxels, IMAGE_SAMPLE), intensity)


def scale_slices(stack: np.ndarray, intensity: Mapping, limits: tuple[float, float]) -> np.ndarray:
    """Scale slices for the network: clip to 0...1 between the limits, then centre by mean and standard deviation.

    With ``scope: slice`` each slice has its own percentiles, but never a range below a quarter of the image's, so that
    the noise of an empty slice is not blown up to full contrast. NaN and infinite values become the lower limit.

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
        values = pixels.transpose(2, 0, 1).astype(np.result_type(pixels.dtype, np.float32))
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
    """Lower and upper percentile over all channels together (so colours keep their ratios)."""
    values = sample.ravel()
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if intensity.get("ignore") is not None:
        kept = values[values != intensity["ignore"]]
        values = kept if kept.size else values
    if not values.size:
        return 0.0, 1.0
    lower, upper = np.percentile(values, (intensity["lower"], intensity["upper"]))
    if lower == upper:  # nearly everything has one value: the few others are the content
        lower, upper = values.min(), values.max()
    return float(lower), float(upper) if upper > lower else float(lower) + 1.0


def _sample(values: np.ndarray, most: int) -> np.ndarray:
    """A regular subset of at most about ``most`` values; all channels of a voxel stay together."""
    axes = [length > 1 for length in values.shape[:-1]]
    step = max(1, math.ceil((values.size / most) ** (1 / max(1, sum(axes)))))
    return values[tuple(slice(None, None, step) for _ in axes)]
