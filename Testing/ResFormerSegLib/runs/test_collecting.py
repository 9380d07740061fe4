"""What comes into the training set: each segment as what the user calls it, and only where the image is."""

import numpy as np
import pytest
import slicer

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
