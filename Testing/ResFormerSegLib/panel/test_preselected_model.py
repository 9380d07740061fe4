"""The panel selects a model only when something speaks for it, and otherwise asks."""

import json
import shutil

import numpy as np
import pytest
import slicer

from helpers.paths import MODELS
from helpers.scene_helpers import choose, makeVolume

COLOUR, LABELS = "vtkMRMLVectorVolumeNode", "vtkMRMLLabelMapVolumeNode"


@pytest.fixture(autouse=True)
def nothingChosenBefore(workerThat, bed):
    workerThat("exclusive")
    bed.app.settings().remove("ResFormerSeg/LastModels")


def preselected(widget, volume) -> str:
    widget.ui.inputSelector.setCurrentNode(volume)
    return widget._parameterNode.modelReference


def fromDicom(modality: str, **kind):
    volume = makeVolume(**{"name": "4: Series", **kind})
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    hierarchy.SetItemAttribute(hierarchy.GetItemByDataNode(volume), "DICOM.Modality", modality)
    return volume


@pytest.mark.parametrize(
    "kind",
    [
        {"shape": (1, 48, 64), "name": "IMG_0001"},  # a grey picture: ultrasound, OCT, a slice of a head ...
        {"name": "CT17"},
        {"name": "Liver tumour"},
        {"name": "T1 knee, contrast-enhanced"},
        {"name": "Image"},
    ],
    ids=lambda kind: kind["name"],
)
def test_an_image_of_which_nothing_is_known_gets_no_model_and_the_panel_asks(widget, kind):
    assert preselected(widget, makeVolume(**kind)) == ""
    assert widget.ui.modelSelector.currentIndex == -1
    assert widget.ui.modelSelector.defaultText == "Choose a model"
    assert not widget.ui.applyButton.enabled and widget.ui.applyButton.toolTip == "Choose a model."


@pytest.mark.parametrize(
    ("name", "shape", "model"),
    [
        ("MRBrainTumor1", (3, 8, 10), "brain-tumor-mr"),
        ("ResFormerSeg synthetic brain MR", (3, 8, 10), "brain-tumor-mr"),
        ("patient7_cardiac_ED", (3, 8, 10), "cardiac-mr"),
        ("OCT_left eye", (3, 8, 10), "retina-oct"),
        ("breast3", (1, 48, 64), "breast-ultrasound"),
    ],
)
def test_a_name_is_a_reason(widget, name, shape, model):
    assert preselected(widget, makeVolume(shape, name=name)) == model
    assert widget.ui.modelSelector.toolTip == "Selected because of the image's name."


@pytest.mark.parametrize(
    ("modality", "kind", "model"),
    [
        ("US", {"shape": (1, 48, 64)}, "breast-ultrasound"),
        ("OPT", {}, "retina-oct"),
        ("MR", {"shape": (1, 48, 64)}, "brain-tumor-mr"),
        ("MR", {}, ""),  # a head or a heart
        ("MR", {"name": "Cardiac cine"}, "cardiac-mr"),
        ("CT", {}, ""),
        ("CT", {"name": "Brain"}, ""),
        ("OT", {"name": "Brain"}, "brain-tumor-mr"),
    ],
)
def test_the_dicom_modality_is_a_reason_and_another_one_forbids_a_model(widget, modality, kind, model):
    assert preselected(widget, fromDicom(modality, **kind)) == model


def test_a_picture_of_another_kind_does_not_keep_the_model_of_the_one_before(widget):
    assert preselected(widget, makeVolume(name="Brain")) == "brain-tumor-mr"
    assert preselected(widget, makeVolume(shape=(1, 48, 64), name="IMG_0001")) == ""


def test_the_last_choice_for_such_an_image_is_remembered_across_scenes(scene, openPanel):
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(makeVolume(name="One"))
    choose(widget.ui.modelSelector, "cardiac-mr")
    widget.ui.inputSelector.setCurrentNode(makeVolume(shape=(1, 48, 64), name="Two"))
    choose(widget.ui.modelSelector, "retina-oct")
    scene.Clear(False)
    widget._parameterNode.modelReference, widget._parameterNode.modelChosen = "", False
    another = openPanel()
    assert preselected(another, makeVolume(name="Three")) == "cardiac-mr"
    assert "you chose it for such an image before" in another.ui.modelSelector.toolTip
    assert preselected(another, makeVolume(shape=(1, 48, 64), name="Four")) == "retina-oct"
    assert preselected(another, makeVolume(name="Brain")) == "brain-tumor-mr"  # the name says more
    assert preselected(another, fromDicom("CT")) == ""


def test_a_choice_that_cannot_be_used_is_not_remembered(widget):
    from ResFormerSegLib.models.last_choices import lastChoice

    volume = makeVolume(name="One")
    widget.ui.inputSelector.setCurrentNode(volume)
    choose(widget.ui.modelSelector, "skin-lesion")
    assert lastChoice(volume) == ""


@pytest.mark.parametrize("stored", ["not JSON", "[1, 2]", "{}", "null"])
def test_damaged_settings_do_no_harm(widget, bed, stored):
    bed.app.settings().setValue("ResFormerSeg/LastModels", stored)
    assert preselected(widget, makeVolume(name="One")) == ""


def test_a_model_of_ones_own_is_one_of_several_for_its_modality(widget, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(MODELS / "breast-ultrasound", folder)
    descriptor = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**descriptor, "id": "thyroid"}))
    volume = fromDicom("US", shape=(1, 48, 64))
    widget.ui.inputSelector.setCurrentNode(volume)
    widget.panel.models.addFolder(str(folder))
    assert widget._parameterNode.modelReference == str(folder)
    widget.ui.inputSelector.setCurrentNode(None)
    widget._parameterNode.modelReference, widget._parameterNode.modelChosen = "", False
    assert preselected(widget, volume) == str(folder)  # chosen before
    assert preselected(widget, fromDicom("US", shape=(1, 48, 64), name="thyroid 3")) == str(folder)
    assert preselected(widget, fromDicom("US", shape=(1, 48, 64), name="Breast")) == "breast-ultrasound"


def test_the_model_of_a_saved_scene_stays_when_it_is_loaded(scene, openPanel, tmp_path):
    widget = openPanel()
    widget.ui.inputSelector.setCurrentNode(makeVolume(name="One"))
    choose(widget.ui.modelSelector, "cardiac-mr")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})
    scene.Clear(False)
    widget.ui.inputSelector.setCurrentNode(makeVolume(name="Two"))
    choose(widget.ui.modelSelector, "brain-tumor-mr")
    scene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
    slicer.app.processEvents()
    assert widget._parameterNode.inputVolume.GetName() == "One"
    assert widget._parameterNode.modelReference == "cardiac-mr"


def test_label_maps_keep_the_choice_and_are_refused_in_words(widget):
    volume, labels = makeVolume(name="One"), makeVolume(className=LABELS, dtype=np.uint8, name="Mask")
    widget.ui.inputSelector.setCurrentNode(volume)
    choose(widget.ui.modelSelector, "cardiac-mr")
    assert preselected(widget, labels) == "cardiac-mr"
    assert "'Mask' is a label map" in widget.ui.statusLabel.text
    assert preselected(widget, volume) == "cardiac-mr" and widget.ui.applyButton.enabled


def test_a_stack_of_colour_slices_that_no_model_takes_is_told_what_it_can_be_used_with(widget):
    assert preselected(widget, makeVolume((5, 48, 64, 3), np.uint8, COLOUR, "Stack")) == ""
    for words in ("it is a stack of colour images", "Skin lesion", "Current slice only"):
        assert words in widget.ui.statusLabel.text and words in widget.ui.modelSummaryLabel.text
    choose(widget.ui.modelSelector, "skin-lesion")
    choose(widget.ui.slicesSelector, "current")
    assert widget.ui.applyButton.enabled


def test_label_maps_find_no_model_to_choose_and_the_panel_says_why(widget):
    assert preselected(widget, makeVolume(className=LABELS, dtype=np.uint8, name="Mask")) == ""
    assert "'Mask' is a label map" in widget.ui.applyButton.toolTip
