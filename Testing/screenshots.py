"""Takes the pictures of README and tutorial: the panel after a real run, beside Slicer's own views, light and dark.

    python Testing/screenshots.py [--output Resources/Screenshots] [--cache .cache]

The panel is worked as a user would: load an image, press Apply, wait. The head is the one of `Testing/demo.py`, the skin
is the phantom that comes as sample data.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Testing"))
os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import slicer  # noqa: E402

import slicer_bed  # noqa: E402
from slicer_bed.views import SliceView  # noqa: E402
from slicer_demo.case import getCase  # noqa: E402
from slicer_demo.views import renderViews  # noqa: E402
from slicer_demo.window import composeWindow, viewSize  # noqa: E402

PANEL_WIDTH, VIEW_WIDTH = 480, 620
LONGEST_RUN = 600  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes the pictures of README and tutorial.")
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Screenshots")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache", help="folder that keeps the head")
    options = parser.parse_args()
    bed = slicer_bed.boot()
    widget = slicer_bed.openWidget(ROOT / "ResFormerSeg" / "ResFormerSeg.py")
    case = getCase(options.cache)
    takePictures(bed, widget, case.image, "Head", options.output / "panel-head")
    from ResFormerSegLib.sample_data import SAMPLES

    takePictures(bed, widget, SAMPLES[0].image, SAMPLES[0].name, options.output / "panel-skin")
    slicer_bed.closeWidget(widget)


def takePictures(bed, widget, image: Path, name: str, stem: Path) -> None:
    """Runs the image in an empty scene; writes `stem`.png and `stem`-dark.png."""
    slicer.mrmlScene.Clear(False)
    volumeNode = slicer.util.loadVolume(str(image), {"name": name})
    slicer.app.processEvents()
    applyAndWait(widget)
    segmentationNode = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[-1]
    isPicture = volumeNode.GetImageData().GetDimensions()[2] == 1
    with tempfile.TemporaryDirectory() as folder:
        for dark in (False, True):
            panel = grabWholePanel(widget, Path(folder) / "panel.png", dark)
            size = viewSize(panel, 1 if isPicture else 2, VIEW_WIDTH)
            if isPicture:
                views = [renderPicture(bed, volumeNode, segmentationNode, size)]
            else:
                views = list(renderViews(bed, volumeNode, segmentationNode, size=size))
            path = stem.with_name(f"{stem.name}{'-dark' if dark else ''}.png")
            composeWindow(path, panel, views, dark)
            print(f"Written: {path} ({path.stat().st_size // 1024} KB)")


def applyAndWait(widget) -> None:
    """Presses Apply and lets the application live until the run has ended."""
    if not widget.ui.applyButton.enabled:
        raise SystemExit(f"Apply is disabled: {widget.ui.applyButton.toolTip}")
    widget.ui.applyButton.click()
    started = time.monotonic()
    while widget.ui.cancelButton.enabled:
        slicer.app.processEvents()
        time.sleep(0.01)
        if time.monotonic() - started > LONGEST_RUN:
            raise SystemExit("The run did not end.")
    if not slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        raise SystemExit(f"The run failed: {widget.ui.messageLabel.text}")


def grabWholePanel(widget, path: Path, dark: bool) -> Path:
    """The panel as high as its contents, which in the application one would scroll."""
    panel = widget.parent
    panel.resize(PANEL_WIDTH, panel.sizeHint.height())
    for _ in range(5):  # layouts settle, labels wrap
        slicer.app.processEvents()
    panel.resize(PANEL_WIDTH, panel.sizeHint.height())
    return slicer_bed.grabWidget(widget, path, dark)


def renderPicture(bed, volumeNode, segmentationNode, size: tuple[int, int]):
    """The slice view of a picture with its outline."""
    display = segmentationNode.GetDisplayNode()
    display.SetOpacity2DFill(0.2)
    display.SetSliceIntersectionThickness(3)
    with SliceView(bed, "Red", "Axial", size) as view:
        view.show(volumeNode)
        return view.grab()


if __name__ == "__main__":
    main()
