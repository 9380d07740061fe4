"""Both phases of a heart in the panel: the row for the other one, the run, the card, and the saved scene."""

import json

import pytest
import slicer
from PySide6 import QtTest
from PySide6.QtCore import Qt

from helpers.layout_checks import layoutProblems
from helpers.paths import MODELS
from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume, ofPatient, sceneState
from slicer_bed import modulePanelOf


@pytest.fixture
def twoPhases(module, monkeypatch, tmp_path):
    """The folder of a model that diagnoses patients; only its description is there. The fake worker goes by its id."""
    from helpers.tiny_heart import volume_regression
    from resformer_unet.model.catalog import USER_FOLDERS

    descriptor = json.loads((MODELS / "brain-tumor-mr" / "model.json").read_text())
    descriptor |= {"id": "fake", "title": "Heart", "patient_diagnosis": volume_regression()}
    folder = tmp_path / "models" / "fake"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(descriptor))
    monkeypatch.setenv(USER_FOLDERS, str(folder.parent))
    return str(folder)


@pytest.fixture
def panelWith(workerThat, openPanel, twoPhases):
    """`panelWith("exclusive")`: (widget, systole, diastole); the model for both phases and the systole are chosen."""

    def make(behaviour: str):
        workerThat(behaviour)
        diastole, systole = makeVolume((6, 32, 32), name="Diastole"), makeVolume((6, 32, 32), name="Systole")
        slicer.util.updateVolumeFromArray(diastole, slicer.util.arrayFromVolume(diastole) + 100)
        widget = openPanel()
        widget.ui.inputSelector.setCurrentNode(systole)
        choose(widget, twoPhases)
        return widget, systole, diastole

    return make


def choose(widget, model: str) -> None:
    widget.ui.modelSelector.setCurrentIndex(widget.ui.modelSelector.findData(model))


@pytest.fixture
def runBoth(panelWith, click, waitFor):
    widget, _, diastole = panelWith("exclusive")
    widget.ui.otherPhaseSelector.setCurrentNode(diastole)
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert not widget.ui.messageFrame.visible, widget.ui.messageLabel.text
    return widget


def test_the_row_is_there_only_with_a_model_for_both_phases(panelWith, twoPhases):
    widget, _, diastole = panelWith("exclusive")
    row = (widget.ui.otherPhaseLabel, widget.ui.otherPhaseSelector)
    assert all(part.visible for part in row)
    widget.ui.otherPhaseSelector.setCurrentNode(diastole)
    assert widget._parameterNode.otherVolume is diastole and widget.panel.otherPhase.volume() is diastole
    choose(widget, "brain-tumor-mr")
    assert not any(part.visible for part in row)
    assert widget.panel.otherPhase.volume() is None
    choose(widget, twoPhases)
    assert widget.ui.otherPhaseSelector.visible and widget.panel.otherPhase.volume() is diastole


def test_apply_runs_both_and_the_card_shows_the_patient(runBoth):
    card = runBoth.panel.results.card
    assert "Normal" in card.headline.text and plain(card.probability.text) == (
        "Probability of Normal: 90 % (not calibrated)"
    )
    assert [bar.text for bar in card.bars._parts[::3]] == ["Normal", "Dilated"]
    assert card.technical.text.startswith("From both cardiac phases. By volume.")
    assert card.cardiacFunction.visible
    for words in ("152 ml", "142 ml", "58 %", "50 %", "9.3 mm", "End-diastole: “Diastole”. End-systole: “Systole”."):
        assert words in plain(card.cardiacFunction.text)
    assert "one cardiac phase" not in card.warnings.text and "is not sure: Normal" in card.warnings.text
    assert "Diastole: The lesion touches" in card.warnings.text and card.warnings.text.count("the CPU is used") == 1


def test_a_result_of_both_phases_is_that_of_either(runBoth, tmp_path):
    card = runBoth.panel.results.card
    assert "Result of the patient in “Diastole” and “Systole”" in card.subject.text
    diastole = slicer.util.getNode("Diastole")
    runBoth.ui.inputSelector.setCurrentNode(diastole)
    assert not card.otherVolumeWarning.visible
    diastole.SetName("ED")
    assert "“ED” and “Systole”" in card.subject.text and "End-diastole: “ED”." in card.cardiacFunction.text
    runBoth.ui.inputSelector.setCurrentNode(makeVolume((6, 32, 32), name="Smith"))
    assert "the result of “ED” and “Systole”, not of “Smith”" in card.otherVolumeWarning.text
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    slicer.app.processEvents()
    runBoth.ui.inputSelector.setCurrentNode(slicer.util.getNode("ED"))
    assert not card.otherVolumeWarning.visible and "“ED” and “Systole”" in card.subject.text


@pytest.mark.parametrize("width", [320, 400])
def test_a_narrow_panel_cuts_off_nothing_of_a_patient(runBoth, width):
    """The cardiac model's diagnoses have long names, and the ejection fraction is in the last lines of a table."""
    classes = json.loads((MODELS / "cardiac-mr" / "model.json").read_text())["diagnosis"]["classes"]
    names = {row["id"]: row["name"] for row in classes}
    modulePanelOf(runBoth).resize(width, 900)
    runBoth.ui.explainCollapsibleButton.collapsed = runBoth.ui.casesCollapsibleButton.collapsed = False
    runBoth.panel.results.card.bars.show(dict.fromkeys(names, 0.2), names)
    for _ in range(10):  # the heights follow one after another
        slicer.app.processEvents()
    assert layoutProblems(runBoth.parent) == []


def test_no_probabilities_of_slices_contradict_the_diagnosis_of_the_patient(runBoth, waitFor):
    waitFor(lambda: not runBoth.panel.results._waiting)
    table = runBoth.panel.results.chart.table.table
    titles = [table.horizontalHeaderItem(column).text() for column in range(table.columnCount)]
    assert titles and "Most probable" not in titles


def test_the_explanation_offers_the_diagnosis_and_the_number_of_the_card(runBoth, waitFor):
    waitFor(lambda: not runBoth.panel.results._waiting)
    selector = runBoth.panel.results.explanation.classSelector
    assert [plain(selector.itemText(index)) for index in range(selector.count)] == ["Normal (90 %)", "Dilated (10 %)"]


def test_the_inputs_segmentation_is_shown_and_the_others_is_hidden(runBoth):
    node = runBoth._parameterNode
    assert node.resultVolume.GetName() == "Systole"
    assert node.resultSegmentation.GetName() == "Systole segmentation"
    assert node.resultSegmentation.GetDisplayNode().GetVisibility()
    assert not slicer.util.getNode("Diastole segmentation").GetDisplayNode().GetVisibility()


def test_the_segments_are_those_of_the_input_and_the_confidence_in_a_single_phase_is_not_shown(module, scene):
    import qt

    from ResFormerSegLib.panel.diagnosis_card import DiagnosisCard
    from ResFormerSegLib.panel.patient_body import PatientBody
    from ResFormerSegLib.runs.results import ProcessingResult

    segments = [{"id": "lv", "name": "Left ventricle", "voxels": 9, "volume_mm3": 150000.0}]
    report = {"case": "Systole", "model": {"id": "heart", "version": "1"}, "segments": segments, "slices": []}
    warnings = [
        {"code": "LOW_CONFIDENCE", "message": "Not sure."},
        {"code": "TOUCHES_BORDER", "message": "At the edge."},
    ]
    diagnosis = {"label": "normal", "probability": 0.9, "probabilities": {"normal": 0.9, "dilated": 0.1}}
    patient = {"cases": ["Diastole", "Systole"], "diagnosis": diagnosis, "cardiac_function": {}}
    frame = qt.QWidget()
    card = DiagnosisCard(frame, PatientBody())
    card.showResult(ProcessingResult(None, None, report, warnings, patient=patient))
    assert plain(card.segmented.text) == "Segmented in “Systole”: Left ventricle (150 ml)"
    assert "At the edge." in card.warnings.text and "Not sure." not in card.warnings.text
    frame.deleteLater()


def test_the_only_other_volume_of_the_same_geometry_is_the_other_phase(panelWith):
    widget, systole, diastole = panelWith("exclusive")
    assert widget._parameterNode.otherVolume is diastole
    widget.ui.inputSelector.setCurrentNode(diastole)
    assert widget._parameterNode.otherVolume is systole
    widget.ui.otherPhaseSelector.setCurrentNode(None)
    widget.panel.update()
    assert widget._parameterNode.otherVolume is None  # what the user has chosen stays


@pytest.mark.parametrize(("shape", "name"), [((6, 32, 32), "Another time"), ((6, 32, 30), "Another heart")])
def test_none_is_the_other_phase_by_itself_where_there_is_a_choice_or_no_fit(
    workerThat, openPanel, twoPhases, shape, name
):
    workerThat("exclusive")
    volumes = [makeVolume((6, 32, 32), name="Systole"), makeVolume(shape, name=name)]
    if shape == (6, 32, 32):
        volumes.append(makeVolume(shape, name="A third time"))
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(volumes[0])
    choose(widget, twoPhases)
    assert widget.ui.otherPhaseSelector.visible and widget._parameterNode.otherVolume is None


def test_a_volume_of_another_patient_is_not_the_other_phase_by_itself(workerThat, openPanel, twoPhases):
    workerThat("exclusive")
    volumes = [makeVolume((6, 32, 32), name=name) for name in ("Brown", "Smith")]
    for volume in volumes:
        ofPatient(volume, volume.GetName())
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(volumes[0])
    choose(widget, twoPhases)
    assert widget._parameterNode.otherVolume is None
    same = makeVolume((6, 32, 32), name="Brown's other")
    ofPatient(same, "Brown")
    widget.ui.inputSelector.setCurrentNode(same)
    assert widget._parameterNode.otherVolume is volumes[0]


def test_one_phase_alone_is_diagnosed_with_a_warning(panelWith, click, waitFor):
    widget, _, _ = panelWith("exclusive")
    widget.ui.otherPhaseSelector.setCurrentNode(None)
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    card = widget.panel.results.card
    assert "Glioma" in card.headline.text and not card.cardiacFunction.visible
    assert "select the other phase under Inputs" in card.warnings.text
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_a_saved_scene_restores_the_patient(runBoth, tmp_path):
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(False)
    card = runBoth.panel.results.card
    assert not card.cardiacFunction.visible and not runBoth.ui.otherPhaseSelector.visible
    slicer.util.loadScene(str(path))
    slicer.app.processEvents()
    assert runBoth._parameterNode.otherVolume.GetName() == "Diastole"
    assert runBoth.ui.otherPhaseSelector.currentNode() is runBoth._parameterNode.otherVolume
    assert (
        "Normal" in card.headline.text and card.cardiacFunction.visible and "152 ml" in plain(card.cardiacFunction.text)
    )


def test_cancel_leaves_nothing_of_either_phase(panelWith, click, waitFor):
    widget, _, diastole = panelWith("slow at the second")
    widget.ui.otherPhaseSelector.setCurrentNode(diastole)
    before = sceneState()
    click(widget.ui.applyButton)
    waitFor(lambda: "Diastole: slice 1" in widget.ui.statusLabel.text)
    assert widget.ui.progressBar.value == 550
    click(widget.ui.cancelButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert sceneState() == before and "nothing was changed" in widget.ui.statusLabel.text


def test_apply_says_why_two_volumes_make_no_patient(panelWith):
    widget, systole, diastole = panelWith("exclusive")
    apply = widget.ui.applyButton
    widget.ui.otherPhaseSelector.setCurrentNode(systole)
    assert not apply.enabled and "given for both cardiac phases" in apply.toolTip
    widget.ui.otherPhaseSelector.setCurrentNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))
    assert not apply.enabled and "contains no voxels" in apply.toolTip
    widget.ui.otherPhaseSelector.setCurrentNode(diastole)
    assert apply.enabled
    widget.ui.slicesSelector.setCurrentIndex(widget.ui.slicesSelector.findData("current"))
    assert not apply.enabled and "the whole heart" in apply.toolTip
    widget.ui.otherPhaseSelector.setCurrentNode(None)
    assert apply.enabled


def test_missing_parameters_are_dashes(module):
    from ResFormerSegLib.panel.cardiac_function import cardiacFunctionText

    assert "–" in cardiacFunctionText({"cardiac_function": {}, "cases": ["<a>", "b"]})
    assert "&lt;a&gt;" in cardiacFunctionText({"cardiac_function": {}, "cases": ["<a>", "b"]})


def test_height_and_weight_of_a_patient_are_asked_once_and_never_of_another(runBoth, click, waitFor):
    card, ui, node = runBoth.panel.results.card, runBoth.ui, runBoth._parameterNode
    fields = card.bodyFields
    assert fields.row.visible and fields.height.text == "" and "/m²" not in card.cardiacFunction.text
    for field, text in ((fields.height, "180"), (fields.weight, "80")):
        click(field)
        QtTest.QTest.keyClicks(field, text)
        QtTest.QTest.keyClick(field, Qt.Key_Return)
    assert not runBoth.panel.run.isRunning  # Return is for the field
    assert "152 ml (76 ml/m²)" in plain(card.cardiacFunction.text)
    saved = json.loads(node.resultSegmentation.GetAttribute("ResFormerSeg.Patient"))
    assert saved["indexed"]["lvedv_ml_m2"] == pytest.approx(76.2)

    def run(volume, other):
        ui.inputSelector.setCurrentNode(volume)
        ui.otherPhaseSelector.setCurrentNode(other)
        click(ui.applyButton)
        waitFor(lambda: not runBoth.panel.run.isRunning)
        return fields.height.text, "76 ml/m²" in plain(card.cardiacFunction.text)

    smith = [makeVolume((6, 32, 32), name=f"Smith {number}") for number in (1, 2)]
    assert run(*smith) == ("", False)
    assert run(slicer.util.getNode("Diastole"), slicer.util.getNode("Systole")) == ("180", True)
