"""One obvious next step at each moment: what the panel shows first, after a run, and on small screens."""

import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume
from slicer_bed import modulePanelOf, setDark

RESULT_SECTIONS = ("diagnosis", "sliceChart", "explain", "comparison")
# Of the panel's part of the window: 1920 x 1080, 1366 x 768, and the latter at double resolution.
FULL_HD, LAPTOP, DOUBLE = (480, 820), (420, 520), (340, 230)


@pytest.fixture
def panelWith(workerThat, openPanel, click, waitFor):
    """`panelWith(size, volume)`: a panel of that size with a result of the volume."""

    def make(size=FULL_HD, volume=None):
        workerThat("exclusive")
        volume = volume or makeVolume((6, 32, 32))
        widget = openPanel()
        modulePanelOf(widget).resize(*size)
        click(widget.ui.applyButton)
        waitFor(lambda: not widget.panel.run.isRunning and not widget.panel.results._waiting)
        waitFor(lambda: widget.panel.folding.isSettled)
        slicer.app.processEvents()
        return widget

    return make


def section(widget, name: str):
    return getattr(widget.ui, f"{name}CollapsibleButton")


def inSight(widget, part) -> bool:
    """Whether all of a widget is seen without scrolling."""
    return part.visible and part.visibleRegion().boundingRect() == part.rect


def test_the_first_screen_says_what_to_do_and_shows_nothing_of_results(widget):
    assert not any(section(widget, name).visible for name in RESULT_SECTIONS)
    assert "Load an image" in widget.ui.statusLabel.text and widget.ui.statusLabel.visible
    makeVolume((6, 32, 32))
    slicer.app.processEvents()
    assert "Load an image" not in widget.ui.statusLabel.text


def test_after_a_run_everything_but_the_diagnosis_is_folded(panelWith):
    widget = panelWith()
    assert [section(widget, name).collapsed for name in RESULT_SECTIONS] == [False, True, True, True]
    assert not section(widget, "inputs").collapsed  # there is room for both


@pytest.mark.parametrize("size", [FULL_HD, LAPTOP])
def test_the_diagnosis_is_seen_without_scrolling(panelWith, size):
    widget = panelWith(size)
    card = widget.panel.results.card
    for part in (card.headline, card.bars.widget, card.segmented, card.warnings, widget.ui.applyButton):
        assert inSight(widget, part), part.objectName


def test_on_a_small_screen_the_inputs_fold_and_apply_and_the_headline_stay_in_sight(panelWith):
    widget = panelWith(DOUBLE)
    assert inSight(widget, widget.ui.applyButton) and inSight(widget, widget.panel.results.card.headline)
    assert section(widget, "inputs").collapsed and section(widget, "inputs").text == "Inputs: Brain"
    makeVolume((6, 32, 32), name="Next")
    slicer.app.processEvents()
    widget.ui.inputSelector.setCurrentNode(slicer.util.getNode("Next"))
    assert not section(widget, "inputs").collapsed and section(widget, "inputs").text == "Inputs"


def test_apply_is_in_sight_on_a_small_screen_before_the_run(workerThat, openPanel):
    workerThat("exclusive")
    makeVolume((6, 32, 32))
    widget = openPanel()
    modulePanelOf(widget).resize(*DOUBLE)
    slicer.app.processEvents()
    assert inSight(widget, widget.ui.applyButton)


def test_a_single_picture_without_scale_has_no_section_of_sizes(panelWith):
    volume = makeVolume((1, 32, 32, 3), "uint8", "vtkMRMLVectorVolumeNode", "Mole")
    volume.SetSpacing(1, 1, 1)
    widget = panelWith(volume=volume)
    assert not section(widget, "sliceChart").visible and "pixels" in widget.panel.results.card.segmented.text


def test_the_result_is_copied_as_text(panelWith, click):
    widget = panelWith()
    click(widget.ui.copyResultButton)
    lines = plain(slicer.app.clipboard().text()).splitlines()
    assert lines[0] == "ResFormerSeg: Brain"
    assert lines[1:3] == ["Most probable diagnosis: Glioma", "Probabilities: Glioma 75 %, Meningioma 25 %"]
    assert any(line.startswith("Tumour: ") and "ml" in line and "diameter" in line for line in lines)
    assert "Warning: The lesion touches the border of the image." in lines
    assert "Not a medical device" in lines[-1]
    slicer.mrmlScene.Clear(False)
    assert not widget.ui.copyResultButton.enabled


def test_a_notice_goes_by_itself_and_an_error_stays(widget, waitFor):
    from ResFormerSegLib.errors import ResFormerSegError

    message = widget.panel.message
    message._clearLater._timer.setInterval(30)
    message.showNotice("Copied.")
    waitFor(lambda: not widget.ui.messageFrame.visible)
    message.showNotice("Copied.")
    message.showError(ResFormerSegError("X", "It failed.", "", ""))
    assert not message._clearLater.isPending and "failed" in widget.ui.messageLabel.text


def test_the_charts_follow_a_change_of_style_at_once(mainWindow, panelWith):
    import qt

    widget = panelWith()
    section(widget, "sliceChart").collapsed = False
    try:
        for dark in (True, False):
            setDark(dark)
            slicer.app.processEvents()
            base, color = slicer.app.palette().color(qt.QPalette.Base), [0] * 4
            for view in widget.panel.results.chart._views:
                view.chart().GetBackgroundBrush().GetColor(color)
                assert color[:3] == [base.red(), base.green(), base.blue()]
    finally:
        setDark(False)
    assert "color: #2f86d6" in widget.ui.aboutLabel.text  # the palette's own link is dark blue in a dark style, too


def test_apply_turns_the_views_to_an_oblique_volume_and_says_so(mainWindow, panelWith):
    from ResFormerSegLib.scene.slice_positions import sliceOnDisplay

    volume = makeVolume((6, 32, 32), oblique=True)
    widget = panelWith(volume=volume)
    assert "is oblique" in widget.ui.messageLabel.text and widget.ui.messageFrame.visible
    assert widget.panel.results.chart.marked == sliceOnDisplay(volume, 0) is not None
