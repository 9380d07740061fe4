"""The module's panel, opened as the user opens it, and what a user does with it."""

import json
import os
import sys

import pytest

from helpers.paths import MODULE, TESTING


@pytest.fixture
def click(bed):
    """`click(button)`: a real mouse click in the middle of a widget. Refused where a user could not click.

    The panel is scrolled to the widget first, as a user would.
    """
    from slicer_bed.mouse import clickOn

    return clickOn


@pytest.fixture
def choose(bed):
    """`choose(comboBox, "Head")`: opens the list and takes the entry."""
    from slicer_bed.mouse import chooseIn

    return chooseIn


@pytest.fixture
def waitFor(bed):
    """`waitFor(lambda: finished, timeout=10)`: lets Qt work until it is true."""
    from slicer_bed.watch import waitFor

    return waitFor


@pytest.fixture
def answering(bed):
    """`with answering(qt.QMessageBox.Yes) as seen: ...`: the user's answers to dialogs; `seen` has their texts."""
    from functools import partial

    from slicer_bed.dialogs import answering

    return partial(answering, bed)


@pytest.fixture
def longestBlock(bed):
    """`with longestBlock() as block: ...`, then `block.seconds`: the longest that the event loop was blocked."""
    from slicer_bed.watch import LongestBlock

    return LongestBlock


@pytest.fixture
def mainWindow(scene, bed):
    """The application's main window, with slice views and a 3D view that render; ask for it before the panel."""
    from slicer_bed.main_window import MainWindow

    with MainWindow(bed) as window:
        yield window


@pytest.fixture
def openPanel(scene, module):
    """`openPanel()`: the module's widget, set up and entered; has a main window only if `mainWindow` is asked for."""
    import slicer_bed

    opened = []

    def make():
        opened.append(slicer_bed.openWidget(MODULE))
        return opened[-1]

    yield make
    for widget in reversed(opened):
        slicer_bed.closeWidget(widget)


@pytest.fixture
def widget(openPanel):
    """The panel of an empty scene."""
    return openPanel()


@pytest.fixture
def workerThat(scene, bed, module, monkeypatch, tmp_path):
    """`workerThat("slow")`: the panels that are opened after it use a fake worker of that behaviour.

    The engine is not asked for its devices. The user chose the brain model for a grey volume before, so that it is
    selected for any. No worker may outlive the test.
    """
    from ResFormerSegLib.engine import keeper as engine_keeper
    from ResFormerSegLib.engine.process import EngineProcess
    from ResFormerSegLib.models.last_choices import CHOICES_SETTING
    from ResFormerSegLib.panel.device_section import DeviceSection

    keepers, pidFile = [], tmp_path / "worker.pid"
    monkeypatch.setattr(DeviceSection, "askEngine", lambda self: None)
    bed.app.settings().setValue(CHOICES_SETTING, json.dumps({"unknown, grey, volume": "brain-tumor-mr"}))

    def use(behaviour: str, **limits):
        command = [sys.executable, str(TESTING / "helpers" / "fake_worker.py"), behaviour, str(pidFile)]
        keepers.append(engine_keeper.EngineKeeper(lambda: EngineProcess(command, **limits)))
        monkeypatch.setattr(engine_keeper, "_shared", keepers[-1])

    yield use
    for keeper in keepers:
        keeper.stopNow()
    if pidFile.exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pidFile.read_text()), 0)
