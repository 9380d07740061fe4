"""The panel and the views side by side, as in the application's window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

GAP = 6  # pixels between the views
LIGHT, DARK = (240, 240, 240), (53, 53, 53)
VIEW_COLORS = ((243, 74, 51), (116, 116, 255))  # of the bars above the Red slice view and the 3D view
BAR = 14


def composeWindow(path: Path, panel: Path, views: list[np.ndarray], dark: bool) -> None:
    """Writes a PNG with the panel on the left and the views on the right, one above the other.

    panel: a picture file. views: uint8 (height, width, 3), of one width.
    """
    with Image.open(panel) as opened:
        left = opened.convert("RGB")
    height = max(left.height, sum(view.shape[0] + BAR for view in views) + GAP * (len(views) - 1))
    window = Image.new("RGB", (left.width + GAP + views[0].shape[1], height), DARK if dark else LIGHT)
    window.paste(left, (0, 0))
    draw = ImageDraw.Draw(window)
    top = 0
    for view, color in zip(views, VIEW_COLORS, strict=False):
        draw.rectangle((left.width + GAP, top, window.width, top + BAR - 1), fill=color)
        window.paste(Image.fromarray(view), (left.width + GAP, top + BAR))
        top += BAR + view.shape[0] + GAP
    # 256 colours halve the file, and the repository keeps every version of it.
    window.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def viewSize(panel: Path, views: int, width: int) -> tuple[int, int]:
    """The size of each of so many views that together are as high as the panel."""
    with Image.open(panel) as opened:
        return width, (opened.height - GAP * (views - 1)) // views - BAR
