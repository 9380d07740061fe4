"""Whether a segmentation holds work of the user: what counts as a change, and what does not."""

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import later, makeVolume, segmentArray
from ResFormerSegLib.scene.user_edits import fingerprint, hasManualEdits, rememberUnedited


@pytest.fixture
def made(scene):
    """(segmentation as a run leaves it, its volume)"""
    volume = makeVolume((6, 20, 24), oblique=True)
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    mask = np.zeros((6, 20, 24), np.uint8)
    mask[2:4, 5:12, 6:20] = 1
    for identifier in ("lesion", "oedema"):
        segmentation.GetSegmentation().AddEmptySegment(identifier, identifier)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "lesion", volume)
    rememberUnedited(segmentation)
    return segmentation, volume


def test_a_result_as_it_was_made_holds_no_work_of_the_user(made):
    assert not hasManualEdits(made[0])


def test_an_empty_segmentation_holds_none(scene):
    assert not hasManualEdits(scene.AddNewNodeByClass("vtkMRMLSegmentationNode"))


def test_segments_from_elsewhere_are_the_users(scene):
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.GetSegmentation().AddEmptySegment("a", "A")
    assert hasManualEdits(segmentation)


def test_one_voxel_makes_the_difference(made):
    segmentation, volume = made
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "lesion", volume)
    mask[3, 11, 19] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, "lesion", volume)
    assert hasManualEdits(segmentation)


def test_moving_a_segment_makes_the_difference(made):
    segmentation, volume = made
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, "lesion", volume)
    slicer.util.updateSegmentBinaryLabelmapFromArray(np.roll(mask, 1, 2), segmentation, "lesion", volume)
    assert hasManualEdits(segmentation)


@pytest.mark.parametrize(
    "change",
    [
        lambda segments: segments.RemoveSegment("oedema"),
        lambda segments: segments.GetSegment("lesion").SetName("My lesion"),
        lambda segments: segments.AddEmptySegment("mine", "Mine"),
    ],
    ids=["removed", "renamed", "added"],
)
def test_changes_of_the_list_of_segments_count(made, change):
    change(made[0].GetSegmentation())
    assert hasManualEdits(made[0])


def test_colour_display_and_surface_do_not_count(made):
    segmentation, _ = made
    segmentation.GetSegmentation().GetSegment("lesion").SetColor(0, 1, 0)
    segmentation.CreateDefaultDisplayNodes()
    segmentation.CreateClosedSurfaceRepresentation()
    assert not hasManualEdits(segmentation)


def test_saving_and_loading_changes_nothing(made, tmp_path):
    segmentation, _ = made
    path = tmp_path / "result.seg.nrrd"
    assert slicer.util.saveNode(segmentation, str(path), {})
    loaded = slicer.util.loadSegmentation(str(path), {})
    assert fingerprint(loaded) == fingerprint(segmentation)


def erase(segmentation, volume) -> None:
    """All of the first segment but one voxel, as in the Segment Editor."""
    mask = np.zeros(slicer.util.arrayFromVolume(volume).shape, np.uint8)
    mask[0, 0, 0] = 1
    name = segmentation.GetSegmentation().GetNthSegmentID(0)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, name, volume)


@pytest.mark.parametrize("isOfPatient", [False, True])
def test_what_the_user_edits_during_the_run_is_not_replaced(scene, logicWith, isOfPatient):
    volume, other = makeVolume(name="Diastole"), makeVolume(name="Systole")
    mine = logicWith("exclusive").process(volume).segmentationNode
    later(400, lambda: erase(mine, volume))
    logic = logicWith("paced")
    if isOfPatient:
        result = logic.processPatient(volume, other, outputSegmentation=mine).first
    else:
        result = logic.process(volume, outputSegmentation=mine)
    name = mine.GetSegmentation().GetNthSegmentID(0)
    assert segmentArray(mine, name, volume).sum() == 1
    assert result.segmentationNode is not mine and result.segmentationNode.GetSegmentation().GetNumberOfSegments()
    [warning] = [row for row in result.warnings if row["code"] == "OUTPUT_EDITED"]
    assert "new segmentation" in warning["message"] and mine.GetName() in warning["message"]
    assert hasManualEdits(mine) and not hasManualEdits(result.segmentationNode)


def test_edits_from_before_the_run_are_replaced_as_the_user_agreed(scene, logicWith):
    volume, logic = makeVolume(), logicWith("exclusive")
    mine = logic.process(volume).segmentationNode
    erase(mine, volume)
    result = logic.process(volume, outputSegmentation=mine)
    assert result.segmentationNode is mine and not hasManualEdits(mine)
    assert not [row for row in result.warnings if row["code"] == "OUTPUT_EDITED"]
