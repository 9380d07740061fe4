"""Pictures of the panel in each state that a user meets, as its part of the window shows it.

The result is the real engine's; what takes a fault or a moment to see is a fake worker's.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import slicer

import slicer_bed
from helpers.paths import MODULE, TESTING
from slicer_bed.watch import waitFor

# Width and height of the panel's part of a maximised window, with Slicer's tool bars, module header and data probe.
FULL_HD, LAPTOP, NARROW = (480, 820), (420, 520), (320, 820)
DOUBLE = (340, 230)  # a screen of 1366 x 768 at double resolution, in its own larger pixels
LONGEST_RUN = 600  # seconds


def takePanelStates(folder: Path, image: Path, strangeImage: Path) -> list[Path]:
    """Writes a PNG for each state.

    image: a volume with something to find, for the brain model. strangeImage: one that it does not know the like of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[Path] = []

    def take(widget, name: str, size: tuple[int, int] = FULL_HD, dark: bool = False) -> None:
        slicer_bed.setDark(dark)
        window = slicer_bed.modulePanelOf(widget)
        window.resize(*size)
        _settle()
        path = folder / f"{len(taken) + 1:02}-{name}.png"
        if not window.grab().save(str(path)):
            raise OSError(f"{path} could not be written")
        slicer_bed.setDark(False)
        taken.append(path)

    with _without("onnxruntime", "torch"), _panel() as widget:
        take(widget, "no-engine")
    with _panel() as widget:
        take(widget, "empty")
        _load(widget, image)
        take(widget, "ready")
        _apply(widget, LONGEST_RUN)
        take(widget, "result")
        take(widget, "result-dark", dark=True)
        take(widget, "result-narrow", NARROW)
        slicer_bed.modulePanelOf(widget).resize(*LAPTOP)
        _apply(widget, LONGEST_RUN)
        take(widget, "result-laptop", LAPTOP)
        _unfold(widget)
        take(widget, "unfolded", (480, 1700))
        take(widget, "unfolded-dark", (480, 1700), dark=True)
        take(widget, "unfolded-narrow", (320, 1900))
    with _panel() as widget:
        _load(widget, strangeImage)
        _apply(widget, LONGEST_RUN)
        take(widget, "flagged-result")
    with _panel() as widget, tempfile.TemporaryDirectory() as results:
        runCases(widget, image, strangeImage, results)
        take(widget, "cases", (480, 1500))
        take(widget, "cases-dark", (480, 1500), dark=True)
        take(widget, "cases-narrow", (320, 1500))
    with _fakeWorker("slow"), _panel() as widget:
        _load(widget, image)
        take(widget, "ready-double", DOUBLE)
        widget.ui.applyButton.click()
        waitFor(lambda: widget.ui.progressBar.value > 0)
        take(widget, "running")
        widget.panel.abandonRun()
        waitFor(lambda: not widget.logic.isBusy)
    with _fakeWorker("exclusive"), _panel() as widget:
        _load(widget, image)
        slicer_bed.modulePanelOf(widget).resize(*DOUBLE)
        _apply(widget)
        take(widget, "result-double", DOUBLE)
    with _fakeWorker("exit code"), _panel() as widget:
        _load(widget, image)
        _apply(widget)
        take(widget, "error")
    return taken


@contextmanager
def _panel() -> Iterator:
    slicer.mrmlScene.Clear(False)
    widget = slicer_bed.openWidget(MODULE)
    _settle()
    try:
        yield widget
    finally:
        slicer_bed.closeWidget(widget)
        slicer.mrmlScene.Clear(False)


@contextmanager
def _fakeWorker(behaviour: str) -> Iterator[None]:
    from ResFormerSegLib.engine import keeper
    from ResFormerSegLib.engine.process import EngineProcess

    previous = keeper._shared
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(TESTING / "helpers" / "fake_worker.py"), behaviour, str(Path(folder) / "pid")]
        keeper._shared = keeper.EngineKeeper(lambda: EngineProcess(command))
        try:
            yield
        finally:
            keeper._shared.stopNow()
            keeper._shared = previous


@contextmanager
def _without(*packages: str) -> Iterator[None]:
    find: Callable = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: None if name in packages else find(name, *rest)
    try:
        yield
    finally:
        importlib.util.find_spec = find


def _load(widget, image: Path) -> None:
    """The file, as the brain model's input."""
    volumeNode = slicer.util.loadVolume(str(image), {"name": "Head"})
    widget.ui.inputSelector.setCurrentNode(volumeNode)
    widget.ui.modelSelector.setCurrentIndex(widget.ui.modelSelector.findData("brain-tumor-mr"))
    waitFor(lambda: widget.ui.applyButton.enabled)


def _apply(widget, seconds: float = 60) -> None:
    widget.ui.applyButton.click()
    waitFor(lambda: not widget.panel.run.isRunning, seconds)
    waitFor(lambda: not widget.panel.results._waiting)
    waitFor(lambda: widget.panel.folding.isSettled)
    _settle()


def runCases(widget, image: Path, strangeImage: Path, results: str) -> None:
    """Three volumes, the last of which no model can take; the least certain case is shown."""
    _load(widget, image)
    slicer.util.loadVolume(str(strangeImage), {"name": "Synthetic head"})
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Scout")
    slicer.util.updateVolumeFromArray(empty, np.zeros((4, 64, 64), np.int16))
    widget.ui.modelSelector.setCurrentIndex(widget.ui.modelSelector.findData("brain-tumor-mr"))
    section = widget.panel.cases
    section.setFolder(str(Path(results) / "results"))
    widget.ui.casesCollapsibleButton.collapsed = False
    waitFor(lambda: section.runButton.enabled)
    section.runButton.click()
    waitFor(lambda: section.run.isOver, LONGEST_RUN)
    section.table.sortBy("uncertainty", True)
    summary = section.status.text
    section.show(section.table.rows()[0])
    waitFor(lambda: section.shown.opening is None, LONGEST_RUN)
    waitFor(lambda: not widget.panel.results._waiting)
    section.table.table.selectRow(0)
    section.status.text, section.status.visible = summary, True
    _settle()


def _unfold(widget) -> None:
    for section in vars(widget.ui).values():
        if section.className() == "ctkCollapsibleButton":
            section.collapsed = False
    widget.panel.results.card.technicalButton.checked = True


def _settle() -> None:
    for _ in range(5):
        slicer.app.processEvents()
