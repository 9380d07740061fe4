"""The panel without a mouse: where the focus goes, what Return does, and the order of Tab."""

import pytest
import slicer
from PySide6 import QtTest
from PySide6.QtCore import Qt

from helpers.scene_helpers import makeVolume
from slicer_bed import modulePanelOf


@pytest.fixture
def panelWith(workerThat, openPanel):
    """`panelWith("slow")`: a panel on a volume, in the active window, with a worker of that behaviour."""

    def make(behaviour: str):
        workerThat(behaviour)
        makeVolume((6, 32, 32))
        widget = openPanel()
        modulePanelOf(widget).activateWindow()
        slicer.app.processEvents()
        return widget

    return make


def press(widget, key=Qt.Key_Return) -> None:
    """At the widget that has the focus."""
    QtTest.QTest.keyClick(modulePanelOf(widget).focusWidget(), key)


def hasFocus(widget, name: str) -> bool:
    return modulePanelOf(widget).focusWidget() is getattr(widget.ui, name)


def test_apply_cancel_and_apply_again_need_one_key_and_move_nothing(panelWith, waitFor):
    widget = panelWith("slow")
    window = modulePanelOf(widget)
    window.resize(480, 130)  # the panel would scroll to wherever the focus goes
    place = window.verticalScrollBar().value
    assert hasFocus(widget, "applyButton")
    for _ in range(2):
        press(widget)
        assert widget.panel.run.isRunning and hasFocus(widget, "cancelButton")
        waitFor(lambda: widget.ui.progressBar.value == 100)
        press(widget, Qt.Key_Space)
        waitFor(lambda: not widget.panel.run.isRunning)
        assert hasFocus(widget, "applyButton")
        assert window.verticalScrollBar().value == place


def test_return_applies_again_after_a_result(panelWith, waitFor):
    widget = panelWith("exclusive")
    for count in (1, 2):
        press(widget)
        waitFor(lambda: not widget.panel.run.isRunning)
        waitFor(lambda: not widget.panel.results._waiting)
        assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == count
        assert hasFocus(widget, "applyButton")


def test_return_applies_after_a_volume_was_chosen(panelWith, choose, waitFor):
    widget = panelWith("exclusive")
    other = makeVolume((6, 32, 32), name="Other")
    slicer.app.processEvents()
    box = widget.ui.inputSelector.children()[-1]
    box.setFocus()
    choose(widget.ui.inputSelector, "Other")
    assert not widget.panel.run.isRunning
    press(widget)
    assert widget.panel.run.isRunning
    waitFor(lambda: not widget.panel.run.isRunning)
    assert widget._parameterNode.resultVolume is other


def test_return_at_another_button_does_not_start_a_run(panelWith):
    widget = panelWith("exclusive")
    for name in ("modelDetailsButton", "advancedCollapsibleButton", "copyDiagnosticsButton"):
        getattr(widget.ui, name).setFocus()
        press(widget)
        assert not widget.panel.run.isRunning


def test_the_focus_that_the_user_has_moved_meanwhile_stays_there(panelWith, waitFor):
    widget = panelWith("slow")
    press(widget)
    waitFor(lambda: widget.ui.progressBar.value == 100)
    widget.ui.modelSelector.setFocus()
    widget.panel.run.cancel()
    waitFor(lambda: not widget.panel.run.isRunning)
    assert hasFocus(widget, "modelSelector")


def test_tab_goes_from_top_to_bottom(panelWith, mainWindow, waitFor):
    widget = panelWith("exclusive")
    press(widget)
    waitFor(lambda: not widget.panel.run.isRunning)
    waitFor(lambda: not widget.panel.results._waiting)
    for section in vars(widget.ui).values():
        if section.className() == "ctkCollapsibleButton":
            section.collapsed = False
    window = modulePanelOf(widget)
    window.resize(480, 3000)  # nothing is scrolled to
    for _ in range(3):
        slicer.app.processEvents()
    widget.ui.applyButton.setFocus()
    seen, places = [], []
    while window.focusWidget() not in seen:
        found = window.focusWidget()
        seen.append(found)
        places.append(found.mapTo(window, found.rect.topLeft()).y())
        press(widget, Qt.Key_Tab)
    first = places.index(min(places))  # it goes round
    places = places[first:] + places[:first]
    assert len(places) > 20 and all(later > earlier - 12 for earlier, later in zip(places, places[1:], strict=False))
