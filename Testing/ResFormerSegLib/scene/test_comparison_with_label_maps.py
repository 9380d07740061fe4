"""A label map that a result is compared with: it stays where it lies, and its labels find their segments."""

import json

import numpy as np
import pytest
import slicer
import vtk

from helpers.scene_helpers import makeVolume, sceneState

SHAPE = (6, 20, 24)
ROWS = [{"id": "tumour", "name": "Tumour", "value": 1}, {"id": "edema", "name": "Oedema", "value": 2}]


@pytest.fixture
def volume(scene):
    return makeVolume(shape=SHAPE, oblique=True)


def labelMapOf(volume, labels):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Expert")
    node.CopyOrientation(volume)
    slicer.util.updateVolumeFromArray(node, labels.astype(np.uint8))
    return node


def resultOf(volume, labels, rows=ROWS):
    """A segmentation of the segments of ROWS, with what its report says of them."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    node.SetAttribute("ResFormerSeg.Report", json.dumps({"segments": rows}))
    for row in ROWS:
        node.GetSegmentation().AddEmptySegment(row["id"], row["name"])
        mask = (labels == row["value"]).astype(np.uint8)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, row["id"], volume)
    return node


def twoBoxes():
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 4:10, 5:12], labels[3:5, 4:10, 14:20] = 1, 2
    return labels


@pytest.mark.parametrize("degrees", [0, 30])
def test_the_results_own_label_map_agrees_with_it_also_under_a_transform(scene, logicWith, volume, degrees):
    labels = twoBoxes()
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    move = vtk.vtkTransform()
    move.Translate(40, -25, 10)
    move.RotateWXYZ(degrees, 1, 2, 3)
    transform.SetMatrixTransformToParent(move.GetMatrix())
    result, labelMap = resultOf(volume, labels), labelMapOf(volume, labels)
    for node in (volume, result, labelMap):
        node.SetAndObserveTransformNodeID(transform.GetID())
    before = sceneState()
    rows = logicWith("exclusive").compare(result, labelMap, volume)
    sizes = [(labels == 1).sum(), (labels == 2).sum()]
    assert [row["first"] for row in rows] == [row["second"] for row in rows] == sizes
    assert [row["both"] for row in rows] == sizes
    assert sceneState() == before


def test_the_scene_hears_of_no_node_while_a_label_map_is_compared(scene, logicWith, volume):
    """A hidden segmentation made the application print "Unable to find subject hierarchy item" for each segment."""
    result, labelMap = resultOf(volume, twoBoxes()), labelMapOf(volume, twoBoxes())
    added = []
    tag = scene.AddObserver(scene.NodeAddedEvent, lambda caller, event: added.append(event))
    logicWith("exclusive").compare(result, labelMap, volume)
    scene.RemoveObserver(tag)
    assert not added


def test_labels_are_matched_by_their_numbers_when_they_have_no_names(scene, volume):
    from ResFormerSegLib.scene.segment_source import pairSegments, sourceOf

    labels = twoBoxes()
    result = resultOf(volume, labels)
    labels[labels == 1] = 5  # one label that the result does not know
    assert pairSegments(sourceOf(result), sourceOf(labelMapOf(volume, labels))) == [("edema", "2")]


def test_overlapping_segments_are_not_guessed_by_number(scene, volume):
    from ResFormerSegLib.scene.segment_source import pairSegments, sourceOf

    result = resultOf(volume, twoBoxes(), [{**row, "value": 1} for row in ROWS])
    assert pairSegments(sourceOf(result), sourceOf(labelMapOf(volume, twoBoxes()))) == []


def test_a_label_map_without_labels_is_said_to_hold_no_segments(scene, logicWith, volume):
    from ResFormerSegLib.errors import ResFormerSegError

    result = resultOf(volume, twoBoxes())
    with pytest.raises(ResFormerSegError, match="'Expert' holds no segments"):
        logicWith("exclusive").compare(result, labelMapOf(volume, np.zeros(SHAPE)), volume)
