"""The saliency volume of a diagnosis, and the agreement of two segmentations."""

import numpy as np
import pytest
import slicer
import vtk

from helpers.scene_helpers import makeVolume, parentItem, sceneState, stateOf


def makeSegmentation(volume, masks: dict[str, np.ndarray], name: str = "Segmentation"):
    """A segmentation with a segment per name; masks are boolean on the volume's grid."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    for segmentName, mask in masks.items():
        identifier = node.GetSegmentation().AddEmptySegment("", segmentName)
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask.astype(np.uint8), node, identifier, volume)
    return node


def box(shape, *ranges) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*bounds) for bounds in ranges)] = True
    return mask


SHAPE = (6, 20, 24)


@pytest.fixture
def volume(scene):
    return makeVolume(shape=SHAPE, oblique=True)


# --- explain


def test_a_saliency_volume_lies_on_the_image_and_beside_it(scene, logicWith, volume):
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    before = stateOf(volume)
    result = logicWith("exclusive").explain(volume)
    assert stateOf(volume) == before
    node = result.saliencyNode
    saliency = slicer.util.arrayFromVolume(node)
    assert saliency.shape == SHAPE and saliency.dtype == np.float32
    np.testing.assert_allclose(saliency[3, 5], np.linspace(0, 1, SHAPE[2]), atol=1e-6)
    assert node.GetName() == "Brain saliency"
    assert parentItem(node) == parentItem(volume) and node.GetParentTransformNode() is transform
    matrices = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    for given, matrix in zip((node, volume), matrices, strict=True):
        given.GetIJKToRASMatrix(matrix)
    assert slicer.util.arrayFromVTKMatrix(matrices[0]) == pytest.approx(slicer.util.arrayFromVTKMatrix(matrices[1]))
    assert (result.diagnosis, result.method, result.citation) == ("glioma", "Looking", "Nobody 2026")
    assert node.GetAttribute("ResFormerSeg.SaliencyMethod") == "Looking"


def test_the_next_explanation_of_a_volume_updates_its_saliency_volume(scene, logicWith, volume):
    logic = logicWith("exclusive")
    first = logic.explain(volume)
    second = logic.explain(volume, diagnosis="meningioma")
    assert second.saliencyNode is first.saliencyNode
    assert second.saliencyNode.GetAttribute("ResFormerSeg.SaliencyDiagnosis") == "meningioma"
    assert logic.explain(makeVolume(name="Other")).saliencyNode is not first.saliencyNode


def test_a_saliency_volume_is_known_again_after_saving_and_loading(scene, logicWith, volume, tmp_path):
    from ResFormerSegLib.runs.explanation import findSaliencyNode

    logicWith("exclusive").explain(volume)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})
    scene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
    loaded = slicer.util.getNode("Brain")
    assert findSaliencyNode(loaded).GetName() == "Brain saliency"
    assert findSaliencyNode(None) is None


def test_a_failed_explanation_leaves_no_volume(scene, logicWith, volume, monkeypatch):
    import ResFormerSegLib.runs.explanation
    from ResFormerSegLib.errors import ResFormerSegError

    monkeypatch.setattr(ResFormerSegLib.runs.explanation, "fillScalarVolume", lambda *arguments: 1 / 0)
    before = sceneState()
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("exclusive").explain(volume)
    assert caught.value.code == "RESULT_NOT_IMPORTED"
    assert sceneState() == before


# --- compare


def test_segments_of_the_same_name_are_compared_on_the_grid_of_the_volume(scene, logicWith, volume):
    first = makeSegmentation(volume, {"Tumour": box(SHAPE, (1, 3), (2, 8), (2, 8)), "Oedema": box(SHAPE, (4, 5))})
    second = makeSegmentation(volume, {"oedema ": box(SHAPE, (4, 6)), "TUMOUR": box(SHAPE, (1, 2), (2, 8), (2, 8))})
    before = sceneState()
    rows = logicWith("exclusive").compare(first, second, volume)
    assert sceneState() == before
    assert [(row["name"], row["first"], row["second"]) for row in rows] == [("Tumour", 72, 36), ("Oedema", 480, 960)]
    assert rows[0]["shape"] == list(SHAPE)


def test_a_reference_on_another_grid_and_under_a_transform_is_brought_to_the_volume(scene, logicWith, volume):
    mask = box(SHAPE, (1, 4), (4, 12), (6, 16))
    first = makeSegmentation(volume, {"A": mask})
    small = makeVolume(shape=(3, 12, 14), oblique=True, name="Small")
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    shift = vtk.vtkTransform()
    shift.SetMatrix(matrix)
    shift.Translate(4, 3, 1)  # voxel (0, 0, 0) of the small volume is voxel (4, 3, 1) of the large one
    small.SetIJKToRASMatrix(shift.GetMatrix())
    second = makeSegmentation(small, {"A": mask[1:4, 3:15, 4:18]})
    rows = logicWith("exclusive").compare(first, second, volume)
    assert (rows[0]["first"], rows[0]["second"]) == (mask.sum(), mask.sum())
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    away = vtk.vtkTransform()
    away.Translate(500, 0, 0)
    transform.SetMatrixTransformToParent(away.GetMatrix())
    second.SetAndObserveTransformNodeID(transform.GetID())
    assert logicWith("exclusive").compare(first, second, volume)[0]["second"] == 0


def test_segments_on_the_grid_of_the_volume_are_taken_as_slicer_would_export_them(scene, volume, monkeypatch):
    from ResFormerSegLib.scene import segment_layers
    from ResFormerSegLib.scene.segment_source import sourceOf

    masks = {"A": box(SHAPE, (1, 3), (2, 8), (2, 8)), "B": box(SHAPE, (2, 6), (10, 20), (0, 24))}
    node = makeSegmentation(volume, masks)
    node.GetSegmentation().CollapseBinaryLabelmaps(False)
    source = sourceOf(node)
    places = [source.labels(identifier) for identifier in source.ids]
    assert places[0][0] is places[1][0]  # they share a label map
    values = [value for _image, value in places]
    taken = segment_layers._exportLayer(places[0][0], values, node, volume)
    monkeypatch.setattr(segment_layers, "_liesOnTheGrid", lambda *arguments: False)
    resampled = segment_layers._exportLayer(places[0][0], values, node, volume)
    exported = [slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volume) for identifier in source.ids]
    assert np.array_equal(taken, exported[0] + 2 * exported[1]) and np.array_equal(taken, resampled)
    assert segment_layers._exportLayer(places[0][0], values[1:], node, volume).max() == 1


def test_another_place_or_transform_is_not_taken_for_the_grid_of_the_volume(scene, volume):
    from ResFormerSegLib.scene import segment_layers
    from ResFormerSegLib.scene.segment_source import sourceOf

    node = makeSegmentation(volume, {"A": box(SHAPE, (1, 3))})
    source = sourceOf(node)
    image, _value = source.labels(source.ids[0])
    assert segment_layers._liesOnTheGrid(image, node, volume)
    shifted = makeVolume(shape=SHAPE, oblique=True, name="Shifted")
    shifted.SetOrigin(*np.add(volume.GetOrigin(), 0.1))
    assert not segment_layers._liesOnTheGrid(image, node, shifted)
    assert not segment_layers._liesOnTheGrid(image, node, makeVolume(shape=(2, 20, 24), oblique=True))
    volume.SetAndObserveTransformNodeID(scene.AddNewNodeByClass("vtkMRMLLinearTransformNode").GetID())
    assert not segment_layers._liesOnTheGrid(image, node, volume)


def test_segments_that_are_surfaces_are_compared_and_stay_surfaces(scene, logicWith, volume):
    mask = box(SHAPE, (1, 5), (3, 14), (4, 18))
    first, second = makeSegmentation(volume, {"A": mask}), makeSegmentation(volume, {"A": mask})
    second.CreateClosedSurfaceRepresentation()
    second.GetSegmentation().SetSourceRepresentationName("Closed surface")
    second.RemoveBinaryLabelmapRepresentation()
    (row,) = logicWith("exclusive").compare(first, second, volume)
    assert abs(row["second"] - mask.sum()) < 0.4 * mask.sum() and row["both"] > 0.6 * mask.sum()
    assert not second.GetSegmentation().ContainsRepresentation("Binary labelmap")


def test_a_reference_whose_display_was_removed_is_compared_too(scene, logicWith, volume):
    first, second = (makeSegmentation(volume, {"A": box(SHAPE, (1, 2))}) for _ in range(2))
    second.CreateDefaultDisplayNodes()
    scene.RemoveNode(second.GetDisplayNode())  # Slicer's own export dies of such a segmentation
    shifted = makeVolume(shape=SHAPE, oblique=True, name="Shifted")
    shifted.SetOrigin(*np.add(volume.GetOrigin(), 0.001))  # so that it is resampled
    assert logicWith("exclusive").compare(first, second, shifted)[0]["second"] == 480


def test_segments_of_a_file_without_names_are_paired_by_their_values(scene, logicWith, volume):
    import json

    masks = {"Tumour": box(SHAPE, (1, 2)), "Oedema": box(SHAPE, (2, 4))}
    result = makeSegmentation(volume, masks)
    ids = list(result.GetSegmentation().GetSegmentIDs())
    rows = [{"id": ids[0], "value": 4}, {"id": ids[1], "value": 2}]
    result.SetAttribute("ResFormerSeg.Report", json.dumps({"segments": rows}))
    expert = makeSegmentation(
        volume, {"Segment_2": masks["Oedema"], "Segment_4": masks["Tumour"], "Segment_9": box(SHAPE, (4, 5))}
    )
    rows = logicWith("exclusive").compare(result, expert, volume)
    assert [(row["name"], row["both"]) for row in rows] == [("Tumour", 480), ("Oedema", 960)]


def test_overlapping_segments_are_compared_whole(scene, logicWith, volume):
    masks = {"A": box(SHAPE, (1, 4)), "B": box(SHAPE, (2, 6))}
    both = [makeSegmentation(volume, {}, name) for name in ("First", "Second")]
    for node in both:
        for name, mask in masks.items():
            # Each from an array of its own and without sharing a layer, so that neither erases the other.
            identifier = node.GetSegmentation().AddEmptySegment("", name)
            node.GetSegmentation().SeparateSegmentLabelmap(identifier)
            image = slicer.vtkOrientedImageData()
            image.SetDimensions(*reversed(SHAPE))
            matrix = vtk.vtkMatrix4x4()
            volume.GetIJKToRASMatrix(matrix)
            image.SetImageToWorldMatrix(matrix)
            scalars = vtk.util.numpy_support.numpy_to_vtk(mask.astype(np.uint8).ravel(), deep=True)
            image.GetPointData().SetScalars(scalars)
            node.AddSegmentFromBinaryLabelmapRepresentation(image, name)
            node.GetSegmentation().RemoveSegment(identifier)
    rows = logicWith("exclusive").compare(*both, volume)
    expected = [(name, mask.sum(), mask.sum()) for name, mask in masks.items()]
    assert [(row["name"], row["first"], row["second"]) for row in rows] == expected


def test_without_a_volume_the_image_of_the_result_is_taken(scene, logicWith, volume):
    first, second = (makeSegmentation(volume, {"A": box(SHAPE, (1, 2))}) for _ in range(2))
    assert logicWith("exclusive").compare(first, second)[0]["shape"] == list(SHAPE)


def test_single_segments_are_compared_whatever_their_names(scene, logicWith, volume):
    first = makeSegmentation(volume, {"Tumour": box(SHAPE, (1, 2))})
    second = makeSegmentation(volume, {"Segment_1": box(SHAPE, (1, 3))})
    rows = logicWith("exclusive").compare(first, second, volume)
    assert [(row["name"], row["first"], row["second"]) for row in rows] == [("Tumour", 480, 960)]


def test_segments_without_a_counterpart_are_left_out(scene, logicWith, volume):
    first = makeSegmentation(volume, {"A": box(SHAPE, (1, 2)), "B": box(SHAPE, (2, 3))})
    second = makeSegmentation(volume, {"B": box(SHAPE, (2, 4)), "C": box(SHAPE, (4, 5))})
    assert [row["name"] for row in logicWith("exclusive").compare(first, second, volume)] == ["B"]


def test_what_cannot_be_compared_is_refused_in_plain_words(scene, logicWith, volume):
    from ResFormerSegLib.errors import ResFormerSegError

    two = makeSegmentation(volume, {"A": box(SHAPE, (1, 2)), "B": box(SHAPE, (2, 3))})
    other = makeSegmentation(volume, {"C": box(SHAPE, (1, 2)), "D": box(SHAPE, (2, 3))})
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Empty")
    for arguments, code in (
        ((two, None, volume), "NOT_A_SEGMENTATION"),
        ((volume, two, volume), "NOT_A_SEGMENTATION"),
        ((two, other, volume), "NO_SEGMENTS_TO_COMPARE"),
        ((two, empty, volume), "NO_SEGMENTS_TO_COMPARE"),
    ):
        with pytest.raises(ResFormerSegError) as caught:
            logicWith("exclusive").compare(*arguments)
        assert caught.value.code == code and caught.value.hint


def test_a_reference_deleted_meanwhile_ends_the_comparison(scene, logicWith, volume):
    from ResFormerSegLib.errors import ResFormerSegError
    from slicer_bed.watch import waitFor

    first, second = (makeSegmentation(volume, {"A": box(SHAPE, (1, 2))}) for _ in range(2))
    ends = []
    logicWith("exclusive").compare(first, second, volume, wait=False, onFinished=ends.append, onFailed=ends.append)
    scene.RemoveNode(second)
    waitFor(lambda: ends)
    assert isinstance(ends[0], ResFormerSegError) and ends[0].code == "INPUT_REMOVED"


@pytest.mark.parametrize("slices", [(5, 2), (-1, 2), (0, 1, 2), "all", 3])
def test_a_wrong_range_of_slices_is_refused_before_a_worker_is_asked(scene, logicWith, volume, slices):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = logicWith("exclusive")
    for method in (logic.explain, logic.process):
        with pytest.raises(ResFormerSegError) as refused:
            method(volume, slices=slices)
        assert refused.value.code == "BAD_OPTION"
