"""The panel and the views side by side, as in the application's window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

GAP = 4  # pixels between the views


def composeWindow(path: Path, panel: Image.Image, views: list[list[np.ndarray]]) -> None:
    """Writes a PNG with the panel on the left and rows of views on the right.

    views: uint8 (height, width, 3), all of one size. Where the panel is less high its own background goes on.
    """
    viewHeight, viewWidth = views[0][0].shape[:2]
    size = (
        panel.width + len(views[0]) * (viewWidth + GAP),
        max(panel.height, len(views) * (viewHeight + GAP) - GAP),
    )
    window = Image.new("RGB", size, panel.getpixel((panel.width - 1, panel.height - 1)))
    window.paste(panel, (0, 0))
    for row, images in enumerate(views):
        for column, image in enumerate(images):
            place = (panel.width + GAP + column * (viewWidth + GAP), row * (viewHeight + GAP))
            # 256 colours a view: a smaller file, of which the repository keeps every version
            few = Image.fromarray(image).quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
            window.paste(few.convert("RGB"), place)
    window.save(path, optimize=True)
