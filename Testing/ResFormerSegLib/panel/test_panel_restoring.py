"""Choices and result are saved with the scene and come back with it."""

import pytest
import slicer

from helpers.plain_text import plain
from helpers.scene_helpers import makeVolume


@pytest.fixture
def savedScene(workerThat, openPanel, click, waitFor, tmp_path):
    """The file of a scene with a result and choices that are no defaults; the scene is closed after it was saved."""
    workerThat("exclusive")
    makeVolume((6, 32, 32), name="Kopf ä")
    widget = openPanel()
    node = widget._parameterNode
    node.smoothingMm, node.probabilityMaps, node.device = 1.5, True, "cpu"
    node.sliceSelection, node.firstSlice, node.lastSlice = "range", 1, 4
    node.sliceAxis, node.modelReference, node.modelChosen = "axial", "brain-tumor-mr", True
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    node.outputSegmentation = node.resultSegmentation
    path = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(path))
    slicer.mrmlScene.Clear(False)
    return path, widget


def load(path) -> None:
    slicer.util.loadScene(str(path))
    slicer.app.processEvents()


def test_closing_the_scene_empties_the_panel(savedScene):
    _, widget = savedScene
    assert "No result yet" in widget.panel.results.card.headline.text
    assert widget._parameterNode.inputVolume is None
    assert widget._parameterNode.smoothingMm == 0.0
    assert widget.ui.smoothingSlider.value == 0.0
    assert not widget.ui.editButton.enabled and not widget.ui.applyButton.enabled


def test_a_saved_scene_brings_back_all_choices(savedScene):
    path, widget = savedScene
    load(path)
    node = widget._parameterNode
    assert node.inputVolume.GetName() == "Kopf ä"
    assert widget.ui.inputSelector.currentNode() is node.inputVolume
    assert widget.ui.outputSelector.currentNode() is node.resultSegmentation
    assert widget.ui.modelSelector.itemData(widget.ui.modelSelector.currentIndex) == "brain-tumor-mr"
    assert widget.ui.deviceSelector.currentText == "CPU"
    assert widget.ui.smoothingSlider.value == 1.5 and widget.ui.probabilityMapsCheckBox.checked
    assert widget.ui.sliceAxisSelector.currentText == "Axial" and widget.ui.slicesSelector.currentText == "Range"
    assert (widget.ui.rangeWidget.minimumValue, widget.ui.rangeWidget.maximumValue) == (1, 4)


def test_a_saved_scene_brings_back_the_result(savedScene):
    path, widget = savedScene
    load(path)
    assert "Glioma" in widget.panel.results.card.headline.text
    assert plain(widget.panel.results.card.probability.text) == "Probability 75 %"
    assert widget.panel.results.explanation._volumeId == widget._parameterNode.inputVolume.GetID()
    assert widget.ui.editButton.enabled


def test_a_loaded_result_without_manual_edits_is_still_known_as_such(savedScene):
    from ResFormerSegLib.scene.user_edits import hasManualEdits

    path, widget = savedScene
    load(path)
    segmentation = widget._parameterNode.resultSegmentation
    assert not hasManualEdits(segmentation)
    segmentation.GetSegmentation().GetNthSegment(0).SetName("Renamed")
    assert hasManualEdits(segmentation)


def test_a_panel_that_is_opened_after_the_scene_was_loaded_shows_it_too(savedScene, openPanel):
    path, _ = savedScene
    load(path)
    assert "Glioma" in openPanel().panel.results.card.headline.text


def test_the_card_stays_when_the_segmentation_is_deleted(savedScene, waitFor):
    path, widget = savedScene
    load(path)
    slicer.mrmlScene.RemoveNode(widget._parameterNode.resultSegmentation)
    waitFor(lambda: not widget.ui.editButton.enabled)
    assert "Glioma" in widget.panel.results.card.headline.text


def test_the_edit_button_says_why_it_is_disabled_when_the_segmentation_is_deleted(savedScene, waitFor):
    path, widget = savedScene
    load(path)
    assert "Opens the segmentation" in widget.ui.editButton.toolTip
    slicer.mrmlScene.RemoveNode(widget._parameterNode.resultSegmentation)
    waitFor(lambda: not widget.ui.editButton.enabled)
    assert "no segmentation in the scene" in widget.ui.editButton.toolTip


def test_deleting_the_volume_takes_the_explanation_away_and_leaves_the_card(savedScene, waitFor):
    path, widget = savedScene
    load(path)
    slicer.mrmlScene.RemoveNode(widget._parameterNode.inputVolume)
    waitFor(lambda: not widget.ui.applyButton.enabled)
    assert widget.panel.results.explanation._volumeId is None
    assert "Glioma" in widget.panel.results.card.headline.text


def test_scenes_can_be_closed_again_and_again(openPanel):
    makeVolume()
    widget = openPanel()
    for _ in range(30):
        slicer.mrmlScene.Clear(False)
    assert "No volume is selected" in widget.ui.applyButton.toolTip


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"model": {}}'])
def test_a_result_that_cannot_be_read_is_no_result(scene, module, text):
    from ResFormerSegLib.runs.saved_results import restoreResult

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetAttribute("ResFormerSeg.Report", text)
    assert restoreResult(node) is None
    assert restoreResult(None) is None


def test_a_saved_scene_brings_back_the_warnings_of_the_run(savedScene):
    path, widget = savedScene
    load(path)
    text = widget.panel.results.card.warnings.text
    assert "touches the border" in text and "the CPU is used" in text
