"""Smoother outlines: each mask is blurred in its slice and decided anew."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from resformer_unet.postprocessing.bounding_box import bounding_box

REACH = 4.0  # standard deviations that the Gaussian is carried out to


def smooth_masks(masks: np.ndarray, sigma: tuple[float, float], exclusive: bool) -> np.ndarray:
    """Smooth the outlines of all slices; changes ``masks`` in place.

    What is thinner than about the standard deviation vanishes. Straight edges stay where they are. Beyond the image's
    border its last pixels are thought to go on, so that what touches the border still does.

    Args:
        masks: bool (n, segments, rows, columns).
        sigma: standard deviations of the Gaussian along rows and along columns, in pixels.
        exclusive: of several segments at a pixel, the one with the most of it gets it, if it has more than the
            background; without, each segment has the pixels that it fills by half.
    """
    margin = [int(np.ceil(REACH * width)) for width in sigma]
    for slice_masks in masks:
        present = slice_masks.any((1, 2))
        if not present.any():
            continue
        box = tuple(
            slice(max(0, side.start - more), side.stop + more)
            for side, more in zip(bounding_box(slice_masks.any(0)), margin, strict=True)
        )
        shares = np.stack(
            [
                gaussian_filter(mask[box].astype(np.float32), sigma, mode="nearest", truncate=REACH)
                for mask in slice_masks[present]
            ]
        )
        if exclusive:
            background = 1 - shares.sum(0, keepdims=True)
            winner = np.concatenate([background, shares]).argmax(0)
            chosen = winner == np.arange(1, len(shares) + 1)[:, None, None]
        else:
            chosen = shares > 0.5
        slice_masks[(present, *box)] = chosen
    return masks
