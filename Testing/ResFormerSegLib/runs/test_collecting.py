"""What comes into the training set: each segment as what the user calls it, and only where the image is."""

import numpy as np
import pytest
import slicer
import vtk

from helpers.scene_helpers import makeVolume
from ResFormerSegLib.errors import ResFormerSegError


@pytest.fixture
def result(scene, logicWith):
    """Of two segments, "Tumour" and "Oedema"."""
    return logicWith("exclusive").process(makeVolume())


def collected(result, folder) -> tuple[dict[str, int], np.ndarray]:
    """The value that each segment is stored with, by its name, and the layers."""
    from ResFormerSegLib.runs.collecting import CollectTask

    folder.mkdir(exist_ok=True)
    steps = CollectTask(result, "glioma", "17", str(folder), None, "").export(folder)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            command = end.value
            break
    return {row["name"]: row["stored_value"] for row in command["segments"]}, np.load(command["labels"])


def rename(result, **names: str) -> None:
    for identifier, name in names.items():
        result.segmentationNode.GetSegmentation().GetSegment(identifier).SetName(name)


def test_segments_whose_names_the_user_has_exchanged_are_stored_as_what_they_are_called(result, tmp_path):
    names = {row["id"]: row["name"] for row in result.report["segments"]}
    values = {row["name"]: row["value"] for row in result.report["segments"]}
    assert collected(result, tmp_path / "0")[0] == values
    first, second = names
    rename(result, **{first: names[second], second: f" {names[first].upper()}"})
    stored, _ = collected(result, tmp_path / "1")
    assert stored == {names[second]: values[names[second]], f" {names[first].upper()}": values[names[first]]}


def test_a_name_that_the_model_does_not_know_leaves_a_segment_what_it_was(result, tmp_path):
    first, *_ = result.report["segments"]
    rename(result, **{first["id"]: "Neoplasm"})
    assert collected(result, tmp_path)[0]["Neoplasm"] == first["value"]


def underTransform(node, millimetres: float) -> None:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkTransform()
    matrix.Translate(millimetres, 0, 0)
    transform.SetMatrixTransformToParent(matrix.GetMatrix())
    node.SetAndObserveTransformNodeID(transform.GetID())


@pytest.mark.parametrize("which", ["volumeNode", "segmentationNode"])
def test_a_result_of_which_a_half_was_moved_is_refused_and_taken_once_both_were(result, logicWith, tmp_path, which):
    _, before = collected(result, tmp_path / "0")
    other = {"volumeNode": result.segmentationNode, "segmentationNode": result.volumeNode}[which]
    moved = getattr(result, which)
    underTransform(moved, 2.0)
    logic = logicWith("exclusive")
    for use in (lambda: logic.collect(result, "glioma", "17", tmp_path), lambda: logic.report(result, tmp_path)):
        with pytest.raises(ResFormerSegError) as caught:
            use()
        assert caught.value.code == "MOVED_APART" and "same transform" in caught.value.hint
    other.SetAndObserveTransformNodeID(moved.GetTransformNodeID())
    assert np.array_equal(collected(result, tmp_path / "1")[1], before)


def test_a_transform_that_moves_nothing_is_none(result, tmp_path):
    _, before = collected(result, tmp_path / "0")
    underTransform(result.volumeNode, 0.0)
    assert np.array_equal(collected(result, tmp_path / "1")[1], before)
