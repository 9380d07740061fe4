"""Renders the icon drawing to the sizes that Slicer shows.

    PYTHONPATH=Testing python -m extension.render_icons

To be run after a change of Resources/ResFormerSeg.svg.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from helpers.paths import ROOT

DRAWING = ROOT / "Resources" / "ResFormerSeg.svg"
# Side in pixels: the Extensions Manager asks for 128; the module selector scales its icon down, also on fine screens.
ICONS = {
    ROOT / "Resources" / "ResFormerSeg.png": 128,
    ROOT / "ResFormerSeg" / "Resources" / "Icons" / "ResFormerSeg.png": 128,
}


def renderIcon(size: int) -> QImage:
    """The drawing as a square picture with a transparent background."""
    image = QImage(size, size, QImage.Format_ARGB32)
    image.fill(Qt.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(DRAWING)).render(painter)
    painter.end()
    return image


if __name__ == "__main__":
    for path, size in ICONS.items():
        if not renderIcon(size).save(str(path)):
            raise SystemExit(f"{path} could not be written")
