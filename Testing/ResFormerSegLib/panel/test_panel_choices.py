"""What the panel selects by itself, what it leaves to the user, and why Apply is disabled."""

import json
import shutil

import numpy as np
import pytest
import slicer

from helpers.paths import MODELS
from helpers.scene_helpers import choose, makeVolume

COLOUR, LABELS = "vtkMRMLVectorVolumeNode", "vtkMRMLLabelMapVolumeNode"


@pytest.fixture(autouse=True)
def noWorker(workerThat):
    workerThat("exclusive")


def makePicture(name="Mole"):
    return makeVolume((1, 48, 64, 3), np.uint8, COLOUR, name)


def ownModel(bundled, folder, **changes):
    """A copy of a bundled model's folder, with another id."""
    shutil.copytree(bundled, folder)
    descriptor = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**descriptor, "id": "own-model", **changes}))
    return folder


@pytest.fixture
def skinFolder(module):
    return MODELS / "skin-lesion"


# --- the volume


def test_the_newest_image_is_chosen_when_the_module_is_opened(openPanel):
    makeVolume(name="Old")
    newest = makeVolume(name="New")
    assert openPanel().ui.inputSelector.currentNode() is newest


def test_only_images_are_chosen_by_themselves(openPanel):
    image = makeVolume(name="Image")
    makeVolume(className="vtkMRMLLabelMapVolumeNode", name="Labels")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    makeVolume(name="Map").SetAttribute("ResFormerSeg.ProbabilityMap", "lesion")
    makeVolume(name="Hidden").SetHideFromEditors(True)
    assert openPanel().ui.inputSelector.currentNode() is image


def test_an_image_that_is_loaded_while_the_panel_is_open_is_chosen(widget, waitFor):
    volume = makeVolume()
    waitFor(lambda: widget.ui.inputSelector.currentNode() is volume)
    another = makeVolume(name="Another")
    waitFor(lambda: widget.ui.inputSelector.currentNode() is another)
    widget.ui.inputSelector.setCurrentNode(volume)  # the user's choice stays until the next one is loaded
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode")
    slicer.app.processEvents()
    assert widget.ui.inputSelector.currentNode() is volume


def test_the_newest_image_is_chosen_when_the_user_comes_to_the_module_not_before(openPanel, waitFor):
    widget = openPanel()
    widget.exit()
    makeVolume(name="Old")
    newest = makeVolume(name="New")
    slicer.app.processEvents()
    assert widget.ui.inputSelector.currentNode() is None
    widget.enter()
    assert widget.ui.inputSelector.currentNode() is newest


def test_label_maps_and_pictures_can_be_chosen_too(openPanel):
    nodes = [makeVolume(), makePicture(), makeVolume(className="vtkMRMLLabelMapVolumeNode", name="Labels")]
    widget = openPanel()
    for node in nodes:
        widget.ui.inputSelector.setCurrentNode(node)
        assert widget._parameterNode.inputVolume is node


# --- the model


def test_a_picture_in_colour_gets_the_skin_model_and_a_volume_named_brain_the_brain_model(openPanel):
    volume, picture = makeVolume(name="MRBrainTumor1"), makePicture()
    widget = openPanel()
    assert widget._parameterNode.modelReference == "skin-lesion"
    widget.ui.inputSelector.setCurrentNode(volume)
    assert widget._parameterNode.modelReference == "brain-tumor-mr"
    assert widget.ui.modelSelector.currentText.startswith("Brain tumour")
    assert "MR" in widget.ui.modelSummaryLabel.text
    widget.ui.inputSelector.setCurrentNode(picture)
    assert widget._parameterNode.modelReference == "skin-lesion"


def test_the_users_choice_of_a_model_stays_while_it_can_be_used(openPanel):
    makeVolume(name="One"), makeVolume(name="Two"), makePicture()
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(slicer.util.getNode("One"))
    choose(widget.ui.modelSelector, "cardiac-mr")
    widget.ui.inputSelector.setCurrentNode(slicer.util.getNode("Two"))
    assert widget._parameterNode.modelReference == "cardiac-mr"
    widget.ui.inputSelector.setCurrentNode(slicer.util.getNode("Mole"))
    assert widget._parameterNode.modelReference == "skin-lesion"


def test_a_model_of_another_modality_is_warned_of_and_not_refused(openPanel):
    volume = makeVolume()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemAttribute(hierarchy.GetItemByDataNode(volume), "DICOM.Modality", "CT")
    widget = openPanel()
    choose(widget.ui.modelSelector, "brain-tumor-mr")
    assert "is CT, but this model is for MR" in widget.ui.modelSummaryLabel.text
    assert widget.ui.applyButton.enabled


def test_a_folder_of_ones_own_is_added_chosen_and_remembered(openPanel, skinFolder, tmp_path, monkeypatch, click):
    import qt

    folder = ownModel(skinFolder, tmp_path / "mein-modell ä", title="Mine")
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *args: str(folder))
    widget = openPanel()
    widget.ui.advancedCollapsibleButton.collapsed = False
    click(widget.ui.addModelButton)
    assert widget.ui.modelSelector.currentText == "Mine"
    assert widget._parameterNode.modelReference == str(folder)
    selector = openPanel().ui.modelSelector
    assert str(folder) in [selector.itemData(index) for index in range(selector.count)]


def test_a_folder_of_ones_own_can_be_removed_from_the_list(openPanel, skinFolder, tmp_path, click):
    folder = ownModel(skinFolder, tmp_path / "mine", title="Mine")
    makePicture()
    widget = openPanel()
    click(widget.ui.modelDetailsButton)
    assert not widget.panel.models._details.removeButton.visible  # a bundled model
    widget.panel.models.addFolder(str(folder))
    click(widget.ui.modelDetailsButton)
    click(widget.panel.models._details.removeButton)
    assert widget.ui.modelSelector.findData(str(folder)) < 0 and folder.is_dir()
    assert widget._parameterNode.modelReference == "skin-lesion" and widget.ui.applyButton.enabled
    assert not widget.panel.models._details.dialog.visible
    assert openPanel().ui.modelSelector.findData(str(folder)) < 0


def test_a_model_of_other_images_says_nothing_of_their_modality(openPanel, skinFolder, tmp_path):
    folder = ownModel(skinFolder, tmp_path / "mine", modality="OT", description="Mine.")
    picture = makePicture()
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemAttribute(hierarchy.GetItemByDataNode(picture), "DICOM.Modality", "ES")
    widget = openPanel()
    widget.panel.models.addFolder(str(folder))
    assert widget.ui.modelSummaryLabel.text == "Input: colour, 2D images"


def test_a_folder_without_a_model_is_refused_with_the_reason(widget, tmp_path):
    (tmp_path / "empty").mkdir()
    widget.panel.models.addFolder(str(tmp_path / "empty"))
    assert "not a model folder" in widget.ui.messageLabel.text
    assert widget.ui.modelSelector.findData(str(tmp_path / "empty")) < 0


def test_a_broken_description_is_refused_and_does_not_hinder_the_others(widget, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.json").write_text('{"id": "x", "title": 3}')
    widget.panel.models.addFolder(str(tmp_path / "broken"))
    assert "not a valid model descriptor" in widget.ui.messageLabel.text
    assert widget.ui.modelSelector.findData("skin-lesion") >= 0


def test_a_model_folder_that_is_removed_after_its_selection_is_reported(openPanel, skinFolder, tmp_path):
    folder = ownModel(skinFolder, tmp_path / "mine")
    makePicture()
    widget = openPanel()
    widget.panel.models.addFolder(str(folder))
    assert widget.ui.applyButton.enabled
    shutil.rmtree(folder)
    widget.panel.checkCanApply()
    assert not widget.ui.applyButton.enabled
    assert "was not found" in widget.ui.applyButton.toolTip
    widget.exit()
    widget.enter()
    assert "missing" in widget.ui.modelSelector.currentText
    assert not widget.ui.applyButton.enabled
    choose(widget.ui.modelSelector, "skin-lesion")
    assert widget.ui.applyButton.enabled


def test_the_details_show_use_limits_results_and_card(openPanel, click):
    makePicture()
    widget = openPanel()
    click(widget.ui.modelDetailsButton)
    details = widget.panel.models._details
    text = details.overview.toPlainText()
    for words in (
        "Not a medical device",
        "Intended use",
        "Dermoscopy only",
        "dice mean",
        "0.851",
        "CC0-1.0",
        "150 cases",
    ):
        assert words in text
    assert "Measured results" in details.card.toPlainText()


# --- why Apply cannot be pressed


def test_apply_says_that_there_is_no_volume(widget):
    assert not widget.ui.applyButton.enabled
    assert "No volume is selected" in widget.ui.applyButton.toolTip


def test_apply_says_that_a_volume_is_empty_until_it_is_filled(widget, waitFor):
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    widget.ui.inputSelector.setCurrentNode(empty)
    assert "contains no voxels" in widget.ui.applyButton.toolTip
    slicer.util.updateVolumeFromArray(empty, np.zeros((4, 16, 16), np.int16))
    waitFor(lambda: widget.ui.applyButton.enabled)
    assert widget._parameterNode.modelReference == "brain-tumor-mr"


@pytest.mark.parametrize(
    ("volume", "model", "words"),
    [
        (lambda: makeVolume((1, 48, 64, 3), np.uint8, COLOUR), "brain-tumor-mr", "is a colour image"),
        (lambda: makeVolume((1, 48, 64)), "skin-lesion", "is a greyscale image"),
        (lambda: makeVolume((5, 48, 64, 3), np.uint8, COLOUR), "skin-lesion", "has 5 slices"),
        (lambda: makeVolume((5, 48, 64, 3), np.uint8, COLOUR), "brain-tumor-mr", "is a stack of colour images"),
        (lambda: makeVolume(className=LABELS, dtype=np.uint8), "brain-tumor-mr", "is a label map"),
        (lambda: makeVolume((3, 8, 8, 7), np.uint8, COLOUR), "skin-lesion", "contains several volumes"),
    ],
)
def test_apply_says_why_the_model_does_not_fit(openPanel, volume, model, words):
    node = volume()
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(node)
    choose(widget.ui.modelSelector, model)
    assert not widget.ui.applyButton.enabled
    assert words in widget.ui.applyButton.toolTip
    assert widget.ui.statusLabel.visible and words in widget.ui.statusLabel.text


def test_a_grey_picture_that_was_stored_in_colour_suits_a_grey_model(openPanel):
    node = makePicture("scan")
    grey = np.repeat(np.arange(48 * 64, dtype=np.uint8).reshape(1, 48, 64, 1), 3, axis=3)
    slicer.util.updateVolumeFromArray(node, grey)
    widget = openPanel()
    choose(widget.ui.modelSelector, "brain-tumor-mr")
    assert widget.ui.applyButton.enabled


# --- which slices


def test_a_model_of_pictures_takes_one_slice_of_a_volume(openPanel):
    makeVolume((5, 48, 64, 3), np.uint8, COLOUR)
    widget = openPanel()
    choose(widget.ui.modelSelector, "skin-lesion")
    assert not widget.ui.applyButton.enabled
    choose(widget.ui.slicesSelector, "current")
    assert widget.ui.applyButton.enabled


# --- the mouse wheel


def test_the_wheel_scrolls_the_panel_and_never_a_choice(openPanel):
    from PySide6 import QtCore, QtGui, QtWidgets

    makeVolume()
    widget = openPanel()
    boxes = (widget.ui.modelSelector, widget.ui.deviceSelector, widget.ui.sliceAxisSelector, widget.ui.slicesSelector)
    for box in boxes:
        before = box.currentIndex
        box.setFocus()
        place = QtCore.QPointF(5, 5)
        none, phase = QtCore.Qt.NoButton, QtCore.Qt.NoScrollPhase
        down = QtCore.QPoint(0, -120)
        event = QtGui.QWheelEvent(place, place, down, down, none, QtCore.Qt.NoModifier, phase, False)
        QtWidgets.QApplication.sendEvent(box, event)
        assert box.currentIndex == before and not event.isAccepted()
    assert not widget._parameterNode.modelChosen
    classes = widget.panel.results.explanation.classSelector
    assert classes.scrollWheelEffect == classes.NeverScroll


# --- the device


def test_graphics_cards_appear_by_name_and_unusable_ones_with_the_reason(widget):
    assert [widget.ui.deviceSelector.itemText(index) for index in range(2)] == ["Automatic", "CPU"]
    card = {"id": "cuda:0", "name": "NVIDIA H100", "usable": True, "reason": None}
    old = {"id": "cuda:1", "name": "NVIDIA K80", "usable": False, "reason": "too old for this PyTorch."}
    widget.panel.devices._onDevices({"devices": [card, old], "versions": {}})
    assert widget.ui.deviceSelector.itemText(2) == "NVIDIA H100 (cuda:0)"
    assert "too old" in widget.ui.deviceNoteLabel.text
    choose(widget.ui.deviceSelector, "cuda:0")
    assert widget._parameterNode.device == "cuda:0"


def test_a_device_of_another_computer_stays_in_sight(widget):
    widget._parameterNode.device = "cuda:7"
    assert widget.ui.deviceSelector.currentText == "cuda:7"
