"""The panel in the application's scroll area: nothing overlaps, nothing is cut off, no holes, at any width."""

import pytest
import slicer

from helpers.layout_checks import layoutProblems, visibleBelow
from helpers.scene_helpers import makeVolume
from slicer_bed import modulePanelOf


@pytest.fixture
def result(mainWindow, workerThat, openPanel, click, waitFor):
    """A panel with a result along a volume."""
    workerThat("exclusive")
    makeVolume((6, 32, 32))
    widget = openPanel()
    modulePanelOf(widget).resize(480, 400)
    widget.ui.sliceChartCollapsibleButton.collapsed = False
    click(widget.ui.applyButton)
    waitFor(lambda: widget.panel.results.explanation._result is not None)
    waitFor(lambda: not widget.panel.results._waiting)
    settle()
    return widget


def settle() -> None:
    for _ in range(4):
        slicer.app.processEvents()


def unfoldAll(widget) -> None:
    for section in vars(widget.ui).values():
        if type(section).__name__ == "ctkCollapsibleButton":
            section.collapsed = False
    settle()


def test_the_first_result_does_not_make_the_charts_overlap(result):
    assert result.panel.results.chart.plots.isVisible()
    assert layoutProblems(result.parent) == []


def test_an_opened_section_gets_its_room_and_a_closed_one_leaves_no_hole(result):
    before = result.ui.aboutLabel.mapTo(result.parent, result.ui.aboutLabel.rect.topLeft()).y()
    contents = modulePanelOf(result).widget()
    height = contents.height
    for collapsed in (False, True):
        for section in (result.ui.explainCollapsibleButton, result.ui.comparisonCollapsibleButton):
            section.collapsed = collapsed
        settle()
        assert layoutProblems(result.parent) == []
    assert result.ui.aboutLabel.mapTo(result.parent, result.ui.aboutLabel.rect.topLeft()).y() == before
    assert contents.height == height


def test_sections_are_as_high_as_what_they_show_in_a_high_panel(result):
    modulePanelOf(result).resize(480, 2400)
    settle()
    for name in ("diagnosis", "sliceChart", "inputs"):
        section = getattr(result.ui, f"{name}CollapsibleButton")
        assert section.height <= section.layout().totalHeightForWidth(section.width), name


def test_a_scene_that_is_closed_while_scrolled_down_leaves_no_blank_panel(result):
    window = modulePanelOf(result)
    window.resize(480, 400)
    settle()
    window.verticalScrollBar().setValue(window.verticalScrollBar().maximum)
    slicer.mrmlScene.Clear(False)
    settle()
    shown = [child for child in visibleBelow(result.parent) if not child.visibleRegion().isEmpty()]
    assert result.ui.inputSelector in shown


@pytest.mark.parametrize("width", [320, 480])
def test_nothing_is_cut_off_in_a_narrow_panel_with_all_sections_open(result, width):
    window = modulePanelOf(result)
    window.resize(width, 900)
    unfoldAll(result)
    assert window.viewport().width <= width and layoutProblems(result.parent) == []


def test_an_empty_panel_can_be_made_narrow(widget):
    assert modulePanelOf(widget).leastWidth <= 320
    modulePanelOf(widget).resize(320, 700)
    unfoldAll(widget)
    assert layoutProblems(widget.parent) == []


def test_a_narrow_panel_cuts_off_nothing_of_a_cardiac_cycle(mainWindow, widget):
    from helpers.scene_sequences import makeHeartResult

    modulePanelOf(widget).resize(320, 900)
    widget.panel.sequence.show(makeHeartResult()[0])
    widget.ui.sequenceCollapsibleButton.collapsed = False
    for _ in range(4):
        settle()
    assert widget.panel.sequence.phases.visible and layoutProblems(widget.parent) == []
