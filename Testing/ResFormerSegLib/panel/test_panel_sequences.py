"""A sequence in the panel: the row of frames, a run over all of them, the section over time, a heart's phases."""

import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_sequences import makeSequence, ramp, showFrame


@pytest.fixture
def panelOf(workerThat, openPanel):
    """`panelOf("exclusive")`: (widget, volume, browser); the volume is shown from a sequence of four frames."""

    def make(behaviour: str, frames="all"):
        workerThat(behaviour)
        volume, _, browser = makeSequence(ramp(shape=(6, 32, 32)))
        widget = openPanel()
        widget.ui.inputSelector.setCurrentNode(volume)
        widget.ui.framesSelector.setCurrentIndex(widget.ui.framesSelector.findData(frames))
        return widget, volume, browser

    return make


@pytest.fixture
def ran(panelOf, click, waitFor):
    widget, volume, browser = panelOf("exclusive")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert not widget.ui.messageFrame.visible, widget.ui.messageLabel.text
    return widget, volume, browser


def test_the_row_is_there_only_for_a_volume_of_a_sequence(panelOf):
    from helpers.scene_helpers import makeVolume

    widget, volume, _ = panelOf("exclusive", "this")
    assert widget.ui.framesSelector.visible
    assert [widget.ui.framesSelector.itemText(index) for index in range(2)] == ["This frame", "All frames (4)"]
    widget.ui.inputSelector.setCurrentNode(makeVolume())
    assert not widget.ui.framesSelector.visible and not widget.panel.frames.areAll


def test_this_frame_gives_an_ordinary_result(panelOf, click, waitFor):
    widget, volume, _ = panelOf("exclusive", "this")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert widget.ui.diagnosisCollapsibleButton.visible and not widget.ui.sequenceCollapsibleButton.visible


def test_all_frames_are_shown_over_time(mainWindow, ran):
    widget, volume, browser = ran
    section = widget.panel.sequence
    assert widget.ui.sequenceCollapsibleButton.visible and not widget.ui.diagnosisCollapsibleButton.visible
    assert plain(section.summary.text).startswith("<b>4 frames</b>: Glioma in 4.")
    assert section.summary.text.count("⚠") == 2  # each once, not once for each frame
    assert section.chart.table.table.rowCount == 4 and section.chart.plots.visible
    assert "Frame 0:" in plain(section.chart._legends[1].text) and "ml" in plain(section.chart._legends[1].text)
    assert not section.phases.visible
    assert browser.GetNumberOfSynchronizedSequenceNodes(True) == 2


def test_a_row_of_the_table_and_a_click_on_the_chart_show_the_frame_and_the_marker_follows(mainWindow, ran):
    widget, volume, browser = ran
    chart = widget.panel.sequence.chart
    chart.table.table.selectRow(2)
    assert browser.GetSelectedItemNumber() == 2 and chart.marked == 2
    chart._jumpNear(0.8)
    assert browser.GetSelectedItemNumber() == 1 and chart.marked == 1
    showFrame(browser, 3)
    assert chart.marked == 3 and chart.table.table.currentRow() == 3


def test_probability_maps_and_all_frames_exclude_each_other(panelOf):
    widget, _, _ = panelOf("exclusive")
    widget.ui.probabilityMapsCheckBox.setChecked(True)
    assert not widget.ui.applyButton.enabled and "probability maps" in widget.ui.applyButton.toolTip
    widget.ui.framesSelector.setCurrentIndex(0)
    assert widget.ui.applyButton.enabled


def test_cancel_leaves_the_scene_as_it_was(panelOf, click, waitFor):
    from helpers.scene_helpers import sceneState

    widget, volume, browser = panelOf("slow")
    before = sceneState()
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value > 0)
    click(widget.ui.cancelButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert sceneState() == before and not widget.ui.sequenceCollapsibleButton.visible
    assert browser.GetNumberOfSynchronizedSequenceNodes(True) == 1


def test_browsing_while_the_panel_is_open_keeps_the_chosen_model_and_the_inputs(ran, waitFor):
    widget, volume, browser = ran
    reference, asked = widget._parameterNode.modelReference, []
    widget.panel.models.chooseFor = lambda volumeNode: asked.append(volumeNode)
    for number in (1, 2, 3):
        showFrame(browser, number)
    slicer.app.processEvents()
    assert widget._parameterNode.modelReference == reference and not asked


def test_deleting_the_table_clears_the_section_and_closing_the_scene_does(ran):
    widget, volume, browser = ran
    table = widget._parameterNode.resultFrames
    slicer.mrmlScene.RemoveNode(table)
    slicer.app.processEvents()
    assert not widget.ui.sequenceCollapsibleButton.visible
    slicer.mrmlScene.Clear(False)
    assert widget.panel.sequence.result is None


def test_the_section_comes_back_with_another_panel(ran, openPanel):
    widget, volume, _ = ran
    again = openPanel()
    assert again.panel.sequence.result.report["case"] == "Cine"
    assert again.ui.sequenceCollapsibleButton.visible


def test_deleting_the_browser_leaves_a_panel_that_works(ran):
    widget, volume, browser = ran
    slicer.mrmlScene.RemoveNode(browser)
    slicer.app.processEvents()
    widget.panel.sequence.chart._jump(1)
    assert not widget.ui.framesSelector.visible


@pytest.fixture
def heartSection(scene, module, monkeypatch):
    """The section with a beating heart of 20 frames, and a logic that evaluates it at once: `(section, browser)`."""
    from types import SimpleNamespace

    from helpers.scene_sequences import makeHeartResult
    from helpers.section_helpers import makeHost
    from ResFormerSegLib.panel.sequence_section import SequenceSection

    ui = SimpleNamespace(sequenceCollapsibleButton=makeHost(), sequenceFrame=makeHost())
    models = SimpleNamespace(classNames=lambda model: {}, referenceOf=lambda model: "heart")
    result, evaluate = makeHeartResult()

    class Logic:
        def evaluateCine(self, result, model, *, endDiastole, endSystole, onFinished, onFailed, wait, **body):
            from resformer_unet.errors import EngineError

            try:
                onFinished(evaluate(endDiastole, endSystole))
            except EngineError as error:
                onFailed(error)

    errors = []
    section = SequenceSection(ui, Logic(), models, errors.append)
    section.show(result)
    yield section, result.browserNode, errors
    section.cleanup()


def test_a_hearts_function_and_phases_are_shown(heartSection):
    section, browser, _ = heartSection
    text = plain(section.summary.text)
    for words in (
        "145 ml",
        "50 %",
        "LV end-systolic volume 73 ml",
        "LV mass",
        "End-diastole: “frame 0”. End-systole: “frame 8”.",
    ):
        assert words in text, text
    assert section.phases.visible
    table = section.chart.table.table
    phases = [table.item(row, 1).text() for row in range(20)]
    assert phases[0] == "end-diastole" and phases[8] == "end-systole" and phases.count("") == 18


def test_the_frame_that_is_shown_becomes_a_phase_by_a_click_and_back(heartSection, click):
    section, browser, errors = heartSection
    showFrame(browser, 10)
    click(section.systoleButton)
    assert section.result.heart["end_systole"] == 10 and "“frame 10”" in plain(section.summary.text)
    showFrame(browser, 1)
    click(section.diastoleButton)
    assert (section.result.heart["end_diastole"], section.result.heart["end_systole"]) == (1, 10)
    click(section.foundButton)
    assert (section.result.heart["end_diastole"], section.result.heart["end_systole"]) == (0, 8)
    showFrame(browser, 8)
    click(section.diastoleButton)  # no heart is largest there
    assert errors[-1].code == "PHASES_SWAPPED" and section.result.heart["end_diastole"] == 0
