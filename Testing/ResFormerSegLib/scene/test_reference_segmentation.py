"""A label map that a result is compared with: it stays where it lies, and its labels find their segments."""

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


def resultOf(volume, labels):
    """A segmentation of the segments of ROWS."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
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
    from ResFormerSegLib.scene.reference_segmentation import addReference

    labels = twoBoxes()
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    move = vtk.vtkTransform()
    move.Translate(40, -25, 10)
    move.RotateWXYZ(degrees, 1, 2, 3)
    transform.SetMatrixTransformToParent(move.GetMatrix())
    result, labelMap = resultOf(volume, labels), labelMapOf(volume, labels)
    for node in (volume, result, labelMap):
        node.SetAndObserveTransformNodeID(transform.GetID())
    rows = logicWith("exclusive").compare(result, addReference(labelMap, result, {"segments": ROWS}), volume)
    sizes = [(labels == 1).sum(), (labels == 2).sum()]
    assert [row["first"] for row in rows] == [row["second"] for row in rows] == sizes
    assert [row["both"] for row in rows] == sizes


def test_labels_are_matched_by_their_numbers_when_they_have_no_names(scene, volume):
    from ResFormerSegLib.runs.comparison import pairSegments
    from ResFormerSegLib.scene.reference_segmentation import addReference

    labels = twoBoxes()
    result = resultOf(volume, labels)
    labels[labels == 1] = 5  # one label that the result does not know
    reference = addReference(labelMapOf(volume, labels), result, {"segments": ROWS})
    (pair,) = pairSegments(result, reference)
    assert pair[0] == "edema"
    assert reference.GetSegmentation().GetSegment(pair[1]).GetLabelValue() == 2


def test_overlapping_segments_are_not_guessed_by_number(scene, volume):
    from ResFormerSegLib.scene.reference_segmentation import addReference

    result = resultOf(volume, twoBoxes())
    rows = [{**row, "value": 1} for row in ROWS]
    segmentation = addReference(labelMapOf(volume, twoBoxes()), result, {"segments": rows}).GetSegmentation()
    names = [segmentation.GetNthSegment(index).GetName() for index in range(2)]
    assert not {"Tumour", "Oedema"} & set(names)


def test_a_label_map_without_labels_is_said_to_hold_no_segments(scene, logicWith, volume):
    from ResFormerSegLib.errors import ResFormerSegError
    from ResFormerSegLib.scene.reference_segmentation import addReference

    result = resultOf(volume, twoBoxes())
    reference = addReference(labelMapOf(volume, np.zeros(SHAPE)), result, {"segments": ROWS})
    with pytest.raises(ResFormerSegError, match="'Expert' holds no segments"):
        logicWith("exclusive").compare(result, reference, volume)


def test_the_copy_leaves_nothing_behind(scene, volume):
    from ResFormerSegLib.scene.reference_segmentation import addReference, removeReference

    result, labelMap = resultOf(volume, twoBoxes()), labelMapOf(volume, twoBoxes())
    before = sceneState()
    removeReference(addReference(labelMap, result, {"segments": ROWS}))
    assert sceneState() == before
