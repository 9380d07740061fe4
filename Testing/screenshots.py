"""Takes the screenshots of README and tutorial, and pictures of every state of the panel, for looking at.

    python Testing/screenshots.py [--output Resources/Screenshots] [--states build/panel-states] [--only-states]
                                  [--cache .cache]

The panel is operated as by a user: load an image, press Apply, wait. The head is the one of `Testing/demo.py`, the skin
is the module's sample image.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from PIL import Image

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import slicer  # noqa: E402

import slicer_bed  # noqa: E402
from helpers.paths import MODULE, ROOT  # noqa: E402
from helpers.scene_sequences import showFrame  # noqa: E402
from slicer_bed.main_window import MainWindow  # noqa: E402
from slicer_bed.watch import waitFor  # noqa: E402
from slicer_demo.case import getCase  # noqa: E402
from slicer_demo.panel_states import runCases, takePanelStates  # noqa: E402
from slicer_demo.ultrasound import makeUltrasound  # noqa: E402
from slicer_demo.window import composeWindow  # noqa: E402

PANEL_WIDTH = 480
PICTURE_VIEW, VOLUME_VIEW = (720, 880), (540, 720)  # width and height of each view
STATE_VIEW = (200, 200)  # not in the pictures
LONGEST_RUN, SETTLING = 600, 0.5  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes the screenshots of README and tutorial.")
    parser.add_argument("--output", type=Path, default=ROOT / "Resources" / "Screenshots")
    parser.add_argument("--states", type=Path, default=ROOT / "build" / "panel-states", help="folder of the states")
    parser.add_argument("--only-states", action="store_true", help="leave README's and tutorial's screenshots alone")
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache", help="folder that keeps the head")
    options = parser.parse_args()
    bed = slicer_bed.boot()
    slicer_bed.loadModule(MODULE)
    from ResFormerSegLib.sample_data import HEAD, SKIN

    head = getCase(options.cache).image
    if not options.only_states:
        takeScreenshot(bed, head, "Brain", options.output / "panel-head.png")
        takeScreenshot(bed, SKIN.image, SKIN.name, options.output / "panel-skin.png")
        takeCases(bed, head, HEAD.image, options.output / "panel-cases.png")
        takeLiveScreenshot(bed, options.output / "panel-live.png")
        takeLiveAnimation(bed, head, options.output / "live.gif")
    with MainWindow(bed, STATE_VIEW):  # charts are drawn beside views only
        for path in takePanelStates(options.states, head, HEAD.image):
            print(f"Written: {path}")


def takeScreenshot(bed, image: Path, name: str, path: Path) -> None:
    """Runs the image in an empty scene, and writes the screenshot to `path`."""
    slicer.mrmlScene.Clear(False)
    volumeNode = slicer.util.loadVolume(str(image), {"name": name})
    isPicture = volumeNode.GetImageData().GetDimensions()[2] == 1
    with MainWindow(bed, PICTURE_VIEW if isPicture else VOLUME_VIEW) as window:
        widget = slicer_bed.openWidget(MODULE)
        applyAndWait(widget)
        widget.ui.sliceChartCollapsibleButton.collapsed = False
        views = [["Red"]] if isPicture else [["Red", "1"], ["Yellow", "Green"]]
        window.views["1"].lookFrom((0.5, 1.0, 0.3), zoom=1.2)
        panel = grabWholePanel(widget)
        composeWindow(path, panel, [[window.grab(view) for view in row] for row in views])
        print(f"Written: {path} ({path.stat().st_size // 1024} KB)")
        slicer_bed.closeWidget(widget)


def takeCases(bed, head: Path, other: Path, path: Path) -> None:
    """The Cases section, without what the panel shows above it."""
    slicer.mrmlScene.Clear(False)
    with MainWindow(bed, STATE_VIEW), tempfile.TemporaryDirectory() as results:
        widget = slicer_bed.openWidget(MODULE)
        runCases(widget, head, other, results)
        widget.panel.cases.folderLabel.text = "Results: my-results"
        section, panel = widget.ui.casesCollapsibleButton, grabWholePanel(widget)
        top = section.mapTo(widget.parent, slicer_bed.pythonqt.QtCore.QPoint(0, 0)).y()
        few = panel.crop((0, top, panel.width, min(top + section.height, panel.height))).quantize(128)
        few.save(path, optimize=True)
        print(f"Written: {path} ({path.stat().st_size // 1024} KB)")
        slicer_bed.closeWidget(widget)


def takeLiveScreenshot(bed, path: Path) -> None:
    """Live mode over a sequence that plays: the panel, and the slice view with contour and text."""
    slicer.mrmlScene.Clear(False)
    with MainWindow(bed, (620, 620)) as window:
        volume, browser = makeUltrasound(frames=6)
        window.views["Red"].show(volume)
        widget = slicer_bed.openWidget(MODULE)
        widget.ui.inputSelector.setCurrentNode(volume)
        widget.ui.modelSelector.setCurrentIndex(widget.ui.modelSelector.findData("breast-ultrasound"))
        slicer.app.processEvents()
        widget.ui.liveButton.click()
        session = widget.panel.live.session
        waitFor(lambda: session.isAnswered, LONGEST_RUN)
        for number in range(1, 6):
            showFrame(browser, number)
            waitFor(lambda number=number: session.counts["drawn"] > number, LONGEST_RUN)
        waitFor(lambda: session.answer.isCurrent, LONGEST_RUN)
        composeWindow(path, grabWholePanel(widget), [[window.grab("Red")]])
        print(f"Written: {path} ({path.stat().st_size // 1024} KB)")
        slicer_bed.closeWidget(widget)


def takeLiveAnimation(bed, head: Path, path: Path) -> None:
    """Live mode while the user scrolls through the head: the slice view with contour and text, again and again."""
    slicer.mrmlScene.Clear(False)
    volume = slicer.util.loadVolume(str(head), {"name": "Brain"})
    with MainWindow(bed, (320, 320)) as window:
        red = window.views["Red"]
        red.show(volume)
        widget = slicer_bed.openWidget(MODULE)
        slicer.app.processEvents()
        widget.ui.liveButton.click()
        session = widget.panel.live.session
        frames, middle = [], red.logic.GetSliceOffset()
        for step in range(-4, 9):
            red.logic.SetSliceOffset(middle + step * volume.GetSpacing()[2])
            waitFor(lambda: session.isAnswered and session.answer.isCurrent, LONGEST_RUN)
            frames.append(Image.fromarray(window.grab("Red")).quantize(160, Image.Quantize.MAXCOVERAGE))
        slicer_bed.closeWidget(widget)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=350, loop=0, optimize=True)
    print(f"Written: {path} ({path.stat().st_size // 1024} KB)")


def applyAndWait(widget) -> None:
    """Presses Apply and lets the application live until the run has ended."""
    slicer.app.processEvents()
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


def grabWholePanel(widget) -> Image.Image:
    """The panel as high as its contents, which in the application one would scroll."""
    panel, window = widget.parent, slicer_bed.modulePanelOf(widget)
    unchanged, settled = 0, time.monotonic() + SETTLING
    while unchanged < 5 or time.monotonic() < settled:  # labels wrap, markers follow the views
        height = panel.layout().totalHeightForWidth(PANEL_WIDTH)
        unchanged = unchanged + 1 if height == panel.height else 0
        window.resize(PANEL_WIDTH, height)
        slicer.app.processEvents()
        time.sleep(0.01)
    with tempfile.TemporaryDirectory() as folder:
        with Image.open(slicer_bed.grabWidget(widget, Path(folder) / "panel.png")) as picture:
            return picture.convert("RGB")


if __name__ == "__main__":
    main()
