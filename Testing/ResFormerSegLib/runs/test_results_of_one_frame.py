"""A result of one frame, or of a volume that is changed later: its report and the like take the image of the run."""

import numpy as np
import pytest
import slicer
import vtk

from helpers.scene_helpers import makeVolume
from helpers.scene_sequences import makeSequence, ramp, showFrame
from ResFormerSegLib.errors import ResFormerSegError

MODEL = "brain-tumor-mr"


@pytest.fixture
def cine(scene):
    return makeSequence(ramp())


@pytest.fixture
def logic(logicWith):
    return logicWith("exclusive")


def exported(task, folder):
    """What a task sends to the engine."""
    folder.mkdir(exist_ok=True)
    steps = task.export(folder)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def uses(logic, result, folder):
    """Each use of the voxels of a result's volume, by name."""
    return {
        "report": lambda: logic.report(result, folder),
        "collect": lambda: logic.collect(result, "glioma", "patient", str(folder)),
        "explain": lambda: logic.explain(result.volumeNode, result=result),
    }


def refusals(logic, result, folder) -> list[ResFormerSegError]:
    errors = []
    for use in uses(logic, result, folder).values():
        with pytest.raises(ResFormerSegError) as caught:
            use()
        errors.append(caught.value)
    assert [error.code for error in errors] == ["VOLUME_CHANGED"] * 3 and all(error.hint for error in errors)
    return errors


def assertAllTakeTheVoxels(result, first: int, folder) -> None:
    """By the first voxel, which each frame has another one of."""
    from ResFormerSegLib.runs.collecting import CollectTask
    from ResFormerSegLib.runs.explanation import ExplanationTask
    from ResFormerSegLib.runs.report import ReportTask

    folder.mkdir(exist_ok=True)
    tasks = (
        ReportTask(result, folder, ["html"]),
        CollectTask(result, "glioma", "patient", str(folder), None, ""),
        ExplanationTask(result.volumeNode, MODEL, "auto", None, result),
    )
    for number, task in enumerate(tasks):
        command = exported(task, folder / str(number))
        assert np.load(command["image"]["array"]).ravel()[0] == first


def restored(result):
    from ResFormerSegLib.runs.saved_results import restoreResult

    return restoreResult(result.segmentationNode, result.tableNode)


def test_report_training_set_and_explanation_refuse_another_frame_and_take_the_own_one(logic, cine, tmp_path):
    volume, _, browser = cine
    showFrame(browser, 2)
    result = logic.process(volume, MODEL)
    assert result.report["case"] == "Cine, frame 2" and result.frame == "0.1"
    showFrame(browser, 3)
    for one in (result, restored(result)):
        for error in refusals(logic, one, tmp_path):
            assert "“Cine, frame 2”" in error.message and "sequence browser" in error.hint
    showFrame(browser, 2)
    assertAllTakeTheVoxels(restored(result), 20, tmp_path)


def test_the_report_of_each_frame_has_a_file_of_its_own(logic, cine, tmp_path):
    volume, _, browser = cine
    from ResFormerSegLib.runs.report import ReportTask

    names = set()
    for number in (0, 1):
        showFrame(browser, number)
        task = ReportTask(logic.process(volume, MODEL), tmp_path, ["html"])
        names.add(exported(task, tmp_path / str(number))["name"])
    assert names == {"Cine, frame 0", "Cine, frame 1"}


@pytest.mark.parametrize("className", ["vtkMRMLScalarVolumeNode", "vtkMRMLVectorVolumeNode"])
def test_a_volume_that_was_filtered_in_place_is_no_longer_the_image_of_its_result(logic, scene, tmp_path, className):
    shape = (3, 8, 10, 3) if className == "vtkMRMLVectorVolumeNode" else (3, 8, 10)
    volume = makeVolume(shape, className=className, dtype=np.uint8)
    result = logic.process(volume, MODEL)
    voxels = slicer.util.arrayFromVolume(volume)
    voxels[1, 4, 5] += 1
    slicer.util.arrayFromVolumeModified(volume)
    for error in refusals(logic, result, tmp_path):
        assert "'Brain'" in error.message and "run the model" in error.hint
    voxels[1, 4, 5] -= 1
    slicer.util.arrayFromVolumeModified(volume)
    assertAllTakeTheVoxels(result, 0, tmp_path)


def stretch(volume) -> None:
    volume.SetSpacing(0.5, 0.8, 6.0)


def shift(volume) -> None:
    volume.SetOrigin(-20, 30, 41)


def turn(volume) -> None:
    """As a hardened transform does."""
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkTransform()
    matrix.RotateZ(20)
    transform.SetMatrixTransformToParent(matrix.GetMatrix())
    volume.SetAndObserveTransformNodeID(transform.GetID())
    volume.HardenTransform()


@pytest.mark.parametrize("change", [stretch, shift, turn])
@pytest.mark.parametrize("isFromEarlierVersion", [False, True])
def test_a_volume_that_was_moved_or_stretched_is_no_longer_the_image_of_its_result(
    logic, scene, tmp_path, change, isFromEarlierVersion
):
    volume = makeVolume(oblique=True)
    result = logic.process(volume, MODEL)
    before = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(before)
    if isFromEarlierVersion:
        for node in (result.segmentationNode, result.tableNode):
            node.RemoveAttribute("ResFormerSeg.Voxels")
        result = restored(result)
    change(volume)
    for error in refusals(logic, result, tmp_path):
        assert "'Brain'" in error.message and "orientation" in error.message and "run the model" in error.hint
    volume.SetIJKToRASMatrix(before)
    assertAllTakeTheVoxels(result, 0, tmp_path)


def test_a_picture_has_no_size_and_place_that_could_change(logic, scene, tmp_path):
    volume = makeVolume((1, 8, 10, 3), np.uint8, "vtkMRMLVectorVolumeNode")
    result = logic.process(volume, MODEL)
    volume.SetSpacing(2, 2, 2)
    assertAllTakeTheVoxels(result, 0, tmp_path)


def test_a_result_of_an_earlier_version_has_no_checksum_and_is_used_as_before(logic, cine, tmp_path):
    volume, _, browser = cine
    result = logic.process(volume, MODEL)
    for node in (result.segmentationNode, result.tableNode):
        node.RemoveAttribute("ResFormerSeg.Voxels")
        node.RemoveAttribute("ResFormerSeg.Frame")
    showFrame(browser, 3)
    assertAllTakeTheVoxels(restored(result), 30, tmp_path)


def test_the_frame_is_that_of_the_last_run_into_a_segmentation(logic, cine):
    volume, _, browser = cine
    node = logic.process(volume, MODEL).segmentationNode
    showFrame(browser, 1)
    logic.process(volume, MODEL, outputSegmentation=node)
    assert node.GetAttribute("ResFormerSeg.Frame") == "0.05"
    logic.process(makeVolume(), MODEL, outputSegmentation=node)
    assert node.GetAttribute("ResFormerSeg.Frame") is None


def test_results_of_all_frames_belong_to_no_single_frame(logic, cine):
    node = logic.processSequence(cine[0], MODEL).segmentationNode
    for number in range(4):
        showFrame(cine[2], number)
        assert node.GetAttribute("ResFormerSeg.Frame") is None and node.GetAttribute("ResFormerSeg.Report")


@pytest.mark.parametrize("kind", ["scalar", "float", "colour", "frame"])
def test_a_saved_scene_knows_the_voxels_of_its_results_again(logic, scene, tmp_path, kind):
    browser = None
    if kind == "frame":
        volume, _, browser = makeSequence(ramp(), step=0.0333333)
        showFrame(browser, 2)
    elif kind == "colour":
        volume = makeVolume((1, 8, 10, 3), np.uint8, "vtkMRMLVectorVolumeNode")
    else:
        volume = makeVolume(dtype=np.float32 if kind == "float" else np.int16, oblique=True)
    first = slicer.util.arrayFromVolume(volume).ravel()[0]
    result = logic.process(volume, MODEL)
    table = result.tableNode.GetName()
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    from ResFormerSegLib.runs.saved_results import restoreResult
    from ResFormerSegLib.scene.shown_frame import showsFrame

    segmentation = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0]
    loaded = restoreResult(segmentation, slicer.util.getNode(table))
    assert (loaded.frame, loaded.voxels) == (result.frame, result.voxels) and loaded.voxels
    assert showsFrame(loaded.volumeNode, loaded.frame) is True
    assertAllTakeTheVoxels(loaded, first, tmp_path)
    if browser is not None:
        showFrame(slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")[0], 1)
        assert showsFrame(loaded.volumeNode, loaded.frame) is False
        refusals(logic, loaded, tmp_path)


def test_both_phases_of_a_patient_know_their_frames(logic, scene, tmp_path):
    pairs = [makeSequence(ramp(), name=name) for name in ("ED", "ES")]
    showFrame(pairs[1][2], 3)
    result = logic.processPatient(pairs[0][0], pairs[1][0], "cardiac-mr")
    assert [part.report["case"] for part in (result.first, result.second)] == ["ED, frame 0", "ES, frame 3"]
    assert (result.first.frame, result.second.frame) == ("0", "0.15")
    assert restored(result.first).frame == "0" and restored(result.first).otherFrame == "0.15"
    showFrame(pairs[1][2], 0)
    with pytest.raises(ResFormerSegError) as caught:
        logic.report(result, tmp_path)
    assert caught.value.code == "VOLUME_CHANGED" and "“ES, frame 3”" in caught.value.message
