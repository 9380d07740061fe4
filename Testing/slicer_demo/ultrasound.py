"""A synthetic ultrasound sequence: speckle with a dark lesion that moves and breathes."""

from __future__ import annotations

import numpy as np

from helpers.scene_sequences import makeSequence


def makeUltrasound(frames: int = 40, size: int = 256) -> tuple:
    """(volume, browser) of a grey sequence of one slice of 0.2 mm pixels, shown at its first frame."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size] / size
    layers = 120 - 70 * rows + 20 * np.sin(14 * rows + 3 * columns)  # darker with depth, in layers
    images = []
    for number in range(frames):
        phase = 2 * np.pi * number / frames
        radius = 0.14 + 0.03 * np.sin(phase)
        distance = np.hypot((rows - 0.45) / 0.8, columns - 0.5 - 0.05 * np.cos(phase))
        edge = 1 / (1 + np.exp((distance - radius) / 0.012))
        shadow = np.where((rows > 0.45) & (np.abs(columns - 0.5 - 0.05 * np.cos(phase)) < radius), 0.75, 1.0)
        echo = (layers * (1 - edge) + 18 * edge) * shadow
        speckle = random.gamma(4.0, 1 / 4.0, (size, size))
        speckle = (speckle + np.roll(speckle, 1, 1) + np.roll(speckle, -1, 1)) / 3  # wider than deep
        images.append((echo * speckle).clip(0, 255).astype(np.uint8)[None, ::-1])  # the probe is at the top
    volume, _sequence, browser = makeSequence(images, name="Ultrasound", spacing=(0.2, 0.2, 0.2))
    return volume, browser
