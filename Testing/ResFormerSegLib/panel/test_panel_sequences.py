"""A sequence in the panel: the row of frames, a run over all of them, the section over time, a heart's phases."""

from dataclasses import replace

import pytest
import slicer
from PySide6 import QtTest
from PySide6.QtCore import Qt

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


def test_a_frame_that_fails_is_named_and_the_others_are_shown(mainWindow, panelOf, click, waitFor):
    widget, volume, browser = panelOf("error at the second")
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    message = plain(widget.ui.messageLabel.text)
    assert widget.ui.messageFrame.visible and "Frame 1: All voxels are equal." in message and "complete" in message
    section = widget.panel.sequence
    assert plain(section.summary.text).startswith("<b>3 of 4 frames</b>: Glioma in 3.")
    assert "Frame 1 could not be predicted" in section.summary.text
    table = section.chart.table.table
    titles = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount)]
    failed = titles.index("Failed")
    assert [table.item(row, failed).text() for row in range(4)] == [
        "", "All voxels are equal. Choose another image.", "", "",
    ]  # fmt: skip
    assert table.item(1, 2).text() == "–" != table.item(0, 2).text()
    showFrame(browser, 1)
    legends = [plain(label.text) for label in section.chart._legends]
    assert "–" in legends[1] and "%" not in legends[0] and "nan" not in legends[1]
    showFrame(browser, 2)
    assert "ml" in section.chart._legends[1].text and "–" not in plain(section.chart._legends[1].text)


@pytest.fixture
def heartSection(scene, module, monkeypatch):
    """The section with a beating heart of 20 frames, and a logic that evaluates it at once: `(section, browser)`."""
    from types import SimpleNamespace

    from helpers.scene_sequences import makeHeartResult
    from helpers.section_helpers import makeHost
    from ResFormerSegLib.panel.parameters import wrapperOf
    from ResFormerSegLib.panel.patient_body import PatientBody
    from ResFormerSegLib.panel.sequence_section import SequenceSection

    ui = SimpleNamespace(sequenceCollapsibleButton=makeHost(), sequenceFrame=makeHost())
    models = SimpleNamespace(classNames=lambda model: {}, referenceOf=lambda model: "heart")
    result, evaluate = makeHeartResult()

    class Logic:
        def evaluateCine(
            self, result, model, *, endDiastole, endSystole, heightCm, weightKg, onFinished, onFailed, wait
        ):
            from resformer_unet.errors import EngineError

            try:
                onFinished(evaluate(endDiastole, endSystole, height_cm=heightCm, weight_kg=weightKg))
            except EngineError as error:
                onFailed(error)

    errors, body = [], PatientBody()
    body.setParameterNode(wrapperOf(module.ResFormerSegLogic().getParameterNode()))
    section = SequenceSection(ui, Logic(), models, errors.append, body)
    section.show(result)
    yield section, result.browserNode, errors
    section.cleanup()


def test_a_hearts_function_and_phases_are_shown(heartSection):
    section, browser, _ = heartSection
    text = plain(section.summary.text)
    for words in (
        "145 ml",
        "50 %",
        "End-systolic volume",
        "73 ml",
        "Myocardial mass",
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


def enter(section, height: str, weight: str) -> None:
    """Types both, letter by letter, and leaves the fields."""
    for field, text in ((section.bodyFields.height, height), (section.bodyFields.weight, weight)):
        field.text = ""
        QtTest.QTest.keyClicks(field, text)
        QtTest.QTest.keyClick(field, Qt.Key_Return)


def test_height_and_weight_give_indexed_values_at_once_and_are_saved(heartSection):
    from ResFormerSegLib.runs.sequence_results import restoreSequenceResult

    section, browser, _ = heartSection
    assert "/m²" not in section.summary.text and section.bodyFields.surface.text == ""
    assert section.bodyFields.row.minimumSizeHint.width() < 290  # in the narrowest panel
    enter(section, "180", "80,0")
    assert section.bodyFields.surface.text.endswith("2.00\N{NO-BREAK SPACE}m²")
    for words in ("145 ml (72 ml/m²)", "73 ml (36 ml/m²)", "g/m²)"):
        assert words in plain(section.summary.text), plain(section.summary.text)
    assert restoreSequenceResult(section.result.tableNode).heart["body"]["weight_kg"] == 80
    showFrame(browser, 10)
    section.systoleButton.click()
    assert section.result.heart["end_systole"] == 10 and section.result.heart["body"]["height_cm"] == 180
    enter(section, "180", "")
    assert "/m²" not in section.summary.text and section.result.heart["indexed"] is None


@pytest.mark.parametrize(
    ("height", "weight", "words"),
    [
        ("1.8", "80", "The height must be a number of at least 30 cm"),
        ("180", "8o", "The weight must be a number of at least 1 kg and at most 400 kg, but is “8o”"),
        ("80", "180", "does not go with a height of 80 cm"),
    ],
)
def test_what_cannot_be_is_said_and_no_earlier_value_stays(heartSection, height, weight, words):
    section, _, _ = heartSection
    enter(section, "180", "80")
    enter(section, height, weight)
    assert section.bodyFields.problem.visible and words in plain(section.bodyFields.problem.text)
    assert "/m²" not in section.summary.text and section.result.heart["indexed"] is None
    assert section.bodyFields.height.text == height  # to be corrected
    enter(section, "180", "80")
    assert not section.bodyFields.problem.visible and "72 ml/m²" in plain(section.summary.text)


def test_a_heart_of_another_patient_never_gets_them(heartSection):
    from helpers.scene_sequences import makeHeartResult

    section, _, _ = heartSection
    enter(section, "180", "80")
    first, body = section.result, section._body
    other, same = makeHeartResult()[0], replace(first, report=makeHeartResult()[0].report)
    for result, known in ((other, None), (same, 180.0)):
        assert body.complete(result) == ""
        section.show(result)
        assert (section.result.heart["body"]["height_cm"], section.bodyFields.height.text) == (
            known, "" if known is None else "180",
        )  # fmt: skip
    enter(section, "80", "180")  # exchanged, and not corrected
    section.show(other)
    assert (section.bodyFields.height.text, section.bodyFields.weight.text) == ("", "")
    section.clear()
    assert section.bodyFields.height.text == "" and not section.bodyFields.row.visible
    slicer.mrmlScene.RemoveNode(first.volumeNode)
    body.change(other, 150.0, None)
    assert (body._parameterNode.bodyVolume, body._parameterNode.weightKg) == (other.volumeNode, 0)
