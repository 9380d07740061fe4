"""Label layers become the label maps of segments, a slice at a time and before the scene is touched."""

import numpy as np
import pytest
import slicer
import vtk

SHAPE = (40, 24, 30)
ROWS = [
    {"id": "core", "name": "Core", "value": 7, "layer": 0, "color": [255, 0, 0], "terminology": None},
    {"id": "rim", "name": "Rim", "value": 3, "layer": 0, "color": [0, 255, 0], "terminology": None},
    {"id": "none", "name": "None", "value": 1, "layer": 1, "color": [0, 0, 255], "terminology": None},
]


@pytest.fixture
def exported(module):
    from ResFormerSegLib.scene.volume_export import ExportedVolume

    return ExportedVolume({}, SHAPE, vtk.vtkMatrix4x4())


def layers():
    """The second is empty; the first also holds a value that is of no segment."""
    labels = np.zeros((2, *SHAPE), np.uint8)
    labels[0, 10:20, 5:9, 6:16], labels[0, 12:15, 5:9, 18:20], labels[0, 13, 6, 17] = 7, 3, 9
    return labels


def run(steps):
    """(what the generator returns, its number of steps)."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def test_no_step_takes_longer_than_a_slice_does(scene, exported):
    from ResFormerSegLib.scene.segmentation_import import makeLabelMaps

    nodes = scene.GetNumberOfNodes()
    maps, steps = run(makeLabelMaps(layers(), ROWS, exported))
    assert steps >= 2 * SHAPE[0] + 10  # to find what is occupied, and to copy that
    assert maps[1] is None and maps[0].GetExtent() == (6, 19, 5, 8, 10, 19)
    assert scene.GetNumberOfNodes() == nodes


def test_segments_of_a_layer_share_its_label_map_and_hold_their_own_voxels(scene, exported):
    from ResFormerSegLib.scene.segmentation_import import addSegments, makeLabelMaps

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    for _ in range(2):  # the second replaces the first
        maps, _steps = run(makeLabelMaps(layers(), ROWS, exported))
        addSegments(node, maps, ROWS)
    segmentation = node.GetSegmentation()
    assert list(segmentation.GetSegmentIDs()) == ["core", "rim", "none"]
    assert segmentation.GetLayerIndex("core") == segmentation.GetLayerIndex("rim")
    counts = [
        int((slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, "core") == value).sum()) for value in (7, 3, 9)
    ]
    assert counts == [10 * 4 * 10, 3 * 4 * 2, 0]
    assert segmentation.GetSegment("rim").GetLabelValue() == 3


def test_what_is_painted_into_one_segment_afterwards_leaves_the_other_as_it_was(scene, exported):
    from helpers.scene_helpers import makeVolume, segmentArray
    from ResFormerSegLib.scene.segmentation_import import addSegments, makeLabelMaps

    volume = makeVolume(SHAPE)
    volume.SetIJKToRASMatrix(vtk.vtkMatrix4x4())
    maps, _steps = run(makeLabelMaps(layers(), ROWS, exported))
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    addSegments(node, maps, ROWS)
    before = segmentArray(node, "rim", volume)
    painted = segmentArray(node, "core", volume).astype(np.uint8)
    painted[0, 0, 0] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, "core", volume)
    assert np.array_equal(segmentArray(node, "rim", volume), before)
    assert segmentArray(node, "core", volume)[0, 0, 0]
