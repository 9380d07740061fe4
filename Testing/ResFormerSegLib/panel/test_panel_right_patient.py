"""Whose image is analysed, and whose result is on display: never another patient's without a click."""

import pytest
import slicer

from helpers.scene_helpers import makeVolume


@pytest.fixture(autouse=True)
def noWorker(workerThat):
    workerThat("exclusive")


@pytest.fixture
def ran(openPanel, click, waitFor):
    """`ran()`: a panel with the result of the newest volume."""

    def make():
        widget = openPanel()
        click(widget.ui.applyButton)
        waitFor(lambda: not widget.panel.run.isRunning)
        return widget

    return make


def addSegmentation(name: str):
    return slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)


# --- the test bed is as treacherous as the application


def test_a_node_list_goes_on_to_the_neighbour_of_a_removed_node(scene):
    nodes = slicer.qMRMLNodeComboBox()
    nodes.nodeTypes, nodes.noneEnabled = ["vtkMRMLTextNode"], True
    nodes.setMRMLScene(scene)
    first, second, third = (scene.AddNewNodeByClass("vtkMRMLTextNode") for _ in range(3))
    nodes.setCurrentNode(second)
    scene.RemoveNode(second)
    assert nodes.currentNode() is third
    scene.RemoveNode(third)
    assert nodes.currentNode() is first
    scene.RemoveNode(first)
    assert nodes.currentNode() is None
    nodes.setMRMLScene(None)


# --- nodes that are deleted


def test_deleting_the_volume_chooses_no_other(openPanel):
    other, volume = makeVolume(name="A"), makeVolume(name="B")
    third = makeVolume(name="C")
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(volume)
    slicer.mrmlScene.RemoveNode(volume)
    assert widget._parameterNode.inputVolume is None
    slicer.app.processEvents()
    assert widget._parameterNode.inputVolume is None and widget.ui.inputSelector.currentNode() is None
    assert "No volume is selected" in widget.ui.applyButton.toolTip
    assert other.GetScene() is third.GetScene() is slicer.mrmlScene


def test_deleting_the_output_chooses_a_new_segmentation_and_not_the_neighbour(openPanel):
    makeVolume()
    widget = openPanel()
    addSegmentation("Expert"), addSegmentation("Another")
    output = addSegmentation("Result")
    addSegmentation("Later")
    widget.ui.outputSelector.setCurrentNode(output)
    slicer.mrmlScene.RemoveNode(output)
    slicer.app.processEvents()
    assert widget._parameterNode.outputSegmentation is None
    assert widget.ui.outputSelector.currentNode() is None


def test_deleting_the_reference_chooses_no_other(ran):
    makeVolume()
    widget = ran()
    selector = widget.panel.results.comparison.selector
    addSegmentation("A")
    reference = addSegmentation("B")
    addSegmentation("C")
    selector.setCurrentNode(reference)
    slicer.mrmlScene.RemoveNode(reference)
    assert selector.currentNode() is None


def test_a_deleted_result_is_not_on_display_any_more(ran, waitFor):
    makeVolume()
    widget = ran()
    node = widget._parameterNode
    slicer.mrmlScene.RemoveNode(node.resultSegmentation)
    slicer.mrmlScene.RemoveNode(node.resultTable)
    waitFor(lambda: "No result yet" in widget.panel.results.card.headline.text)
    assert node.resultSegmentation is None and not widget.ui.editButton.enabled


def test_a_volume_deleted_during_its_run_leaves_no_other_in_its_place(openPanel, workerThat, click, waitFor):
    workerThat("slow")
    makeVolume((6, 32, 32), name="Another patient")
    volume = makeVolume((6, 32, 32))
    widget = openPanel()
    click(widget.ui.applyButton)
    waitFor(lambda: widget.ui.progressBar.value == 100)
    slicer.mrmlScene.RemoveNode(volume)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert widget.ui.inputSelector.currentNode() is None
    assert "removed from the scene" in widget.ui.messageLabel.text


# --- what is chosen without a click


def test_no_volume_chosen_on_purpose_stays_so_until_a_new_one_is_loaded(openPanel, waitFor):
    makeVolume(name="A")
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(None)
    addSegmentation("Something")
    slicer.app.processEvents()
    assert widget._parameterNode.inputVolume is None
    widget.exit()
    widget.enter()
    assert widget._parameterNode.inputVolume is None
    new = makeVolume(name="B")
    waitFor(lambda: widget._parameterNode.inputVolume is new)


def test_a_patient_loaded_elsewhere_is_taken_when_the_user_comes_back(openPanel):
    first = makeVolume(name="A")
    widget = openPanel()
    widget.exit()
    second = makeVolume(name="B")
    slicer.app.processEvents()
    assert widget._parameterNode.inputVolume is first
    widget.enter()
    assert widget._parameterNode.inputVolume is second
    widget.ui.inputSelector.setCurrentNode(first)
    widget.exit()
    widget.enter()
    assert widget._parameterNode.inputVolume is first


def test_nodes_that_are_added_in_a_batch_are_noticed(openPanel, waitFor):
    widget = openPanel()
    slicer.mrmlScene.StartState(slicer.mrmlScene.BatchProcessState)
    volume = makeVolume()
    slicer.mrmlScene.EndState(slicer.mrmlScene.BatchProcessState)
    waitFor(lambda: widget.ui.inputSelector.currentNode() is volume)


def test_adding_a_scene_keeps_the_choice_of_the_present_one(openPanel, tmp_path):
    makeVolume(name="Other patient")
    assert slicer.util.saveScene(str(tmp_path / "other.mrb"))
    slicer.mrmlScene.Clear(False)
    volume, output = makeVolume(name="Mine"), addSegmentation("Output")
    widget = openPanel()
    widget.ui.outputSelector.setCurrentNode(output)
    slicer.util.loadScene(str(tmp_path / "other.mrb"), {"clear": False})
    slicer.app.processEvents()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 2
    assert widget._parameterNode.inputVolume is volume and widget.ui.inputSelector.currentNode() is volume
    assert widget._parameterNode.outputSegmentation is output and widget.ui.outputSelector.currentNode() is output
    widget.ui.outputSelector.setCurrentNode(None)  # the widgets are connected again
    assert widget._parameterNode.outputSegmentation is None


def test_a_result_that_comes_while_a_scene_is_added_is_shown_afterwards(ran, waitFor):
    volume = makeVolume()
    widget = ran()
    waitFor(lambda: widget.panel.results.explanation._result is not None)
    result = widget.panel.results.explanation._result
    widget.panel.setParameterNode(None)
    widget.panel._onFinished(result, volume)
    widget.panel.setParameterNode(widget._parameterNode)
    assert "Glioma" in widget.panel.results.card.headline.text
    waitFor(lambda: widget.panel.results.explanation._result is not None)


# --- whose result it is


def test_the_card_names_the_volume_and_warns_when_another_is_chosen(ran):
    makeVolume(name="Brown")
    widget = ran()
    card = widget.panel.results.card
    assert card.subject.text == "<b>Result of “Brown”</b>" and not card.otherVolumeWarning.visible
    other = makeVolume(name="Smith <b>")
    widget.ui.inputSelector.setCurrentNode(other)
    assert card.otherVolumeWarning.visible
    assert "the result of “Brown”, not of “Smith &lt;b&gt;”" in card.otherVolumeWarning.text
    widget.ui.inputSelector.setCurrentNode(widget._parameterNode.resultVolume)
    assert not card.otherVolumeWarning.visible


def test_the_card_still_names_a_volume_that_was_deleted(ran, waitFor):
    volume = makeVolume(name="Brown")
    widget = ran()
    slicer.mrmlScene.RemoveNode(volume)
    waitFor(lambda: widget.panel.results.card._ids == [""])
    assert widget.panel.results.card.subject.text == "<b>Result of “Brown”</b>"


def test_a_volume_that_was_chosen_during_the_run_is_not_taken_for_that_of_the_result(openPanel, click, waitFor):
    makeVolume(name="Brown")
    widget = openPanel()
    click(widget.ui.applyButton)
    widget.ui.inputSelector.setCurrentNode(makeVolume(name="Smith"))
    waitFor(lambda: not widget.panel.run.isRunning)
    assert "the result of “Brown”" in widget.panel.results.card.otherVolumeWarning.text
    assert widget.panel.results.card.otherVolumeWarning.visible


def test_an_error_about_one_volume_goes_when_another_is_chosen(openPanel, workerThat, click, waitFor):
    workerThat("error")
    volume = makeVolume((6, 32, 32), name="Brown")
    widget = openPanel()
    click(widget.ui.applyButton)
    waitFor(lambda: not widget.panel.run.isRunning)
    assert widget.ui.messageFrame.visible
    slicer.util.arrayFromVolumeModified(volume)  # the same volume: the error still holds
    slicer.app.processEvents()
    assert widget.ui.messageFrame.visible
    widget.ui.inputSelector.setCurrentNode(makeVolume((6, 32, 32), name="Smith"))
    assert not widget.ui.messageFrame.visible
