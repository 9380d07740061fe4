"""A patient's heart in two volumes: two runs and one diagnosis, all or nothing."""

import json
from itertools import count
from types import SimpleNamespace

import pytest
import slicer

from helpers.scene_helpers import later, makeVolume, ofPatient, sceneState, segmentArray


@pytest.fixture
def pair(scene):
    """The second has the larger voxels: it is the fake worker's end-diastole."""
    small, large = makeVolume((3, 8, 10), name="Systole"), makeVolume((4, 8, 10), name="Diastole")
    slicer.util.updateVolumeFromArray(large, slicer.util.arrayFromVolume(large) + 100)
    return small, large


def test_both_volumes_are_segmented_and_the_patient_is_diagnosed(logicWith, pair):
    result = logicWith("exclusive").processPatient(*pair)
    for part, volume in zip((result.first, result.second), pair, strict=True):
        assert part.volumeNode is volume and part.report["case"] == volume.GetName()
        assert segmentArray(part.segmentationNode, "tumour", volume).sum() == 40
        assert part.tableNode.GetNumberOfRows() == volume.GetImageData().GetDimensions()[2]
        assert part.patient == result.patient
        assert part.diagnosis == "glioma"  # the image's own
    assert result.patient["cases"] == ["Diastole", "Systole"]
    assert result.patient["diagnosis"]["label"] == "normal"


def test_the_patient_is_kept_with_the_nodes_and_goes_with_the_next_result(logicWith, pair):
    from ResFormerSegLib.runs.saved_results import restoreResult

    logic = logicWith("exclusive")
    first = logic.processPatient(*pair).first
    for node in (first.segmentationNode, first.tableNode):
        assert json.loads(node.GetAttribute("ResFormerSeg.Patient")) == first.patient
    assert restoreResult(first.segmentationNode, first.tableNode).patient == first.patient
    assert restoreResult(None, first.tableNode).patient == first.patient
    again = logic.process(pair[0], outputSegmentation=first.segmentationNode)
    assert again.segmentationNode.GetAttribute("ResFormerSeg.Patient") is None
    assert restoreResult(again.segmentationNode, again.tableNode).patient is None


def test_volumes_of_one_name_are_distinguished(logicWith, scene):
    small, large = makeVolume(name="Heart"), makeVolume((4, 8, 10), name="Heart")
    assert logicWith("exclusive").processPatient(small, large).patient["cases"] == ["Heart (2)", "Heart (1)"]


@pytest.mark.parametrize(("other", "isWarned"), [("Smith", True), ("Brown", False), (None, False)])
def test_a_diagnosis_of_two_patients_is_not_reliable(logicWith, pair, other, isWarned):
    for volume, patient in zip(pair, ("Brown", other), strict=True):
        if patient:
            ofPatient(volume, patient)
    from ResFormerSegLib.panel.diagnosis_texts import warningsOf

    result = logicWith("exclusive").processPatient(*pair)
    rows = warningsOf(result.forDisplay(), needsBothPhases=True)
    messages = [row["message"] for row in rows if row["code"] == "PATIENTS_DIFFER"]
    assert ("PATIENTS_DIFFER" in result.reasons) == isWarned == (not result.reliable)
    assert len(messages) == isWarned and all("'Systole' and 'Diastole'" in message for message in messages)


def test_options_are_those_of_both_runs(logicWith, pair):
    result = logicWith("exclusive").processPatient(*pair, device="cpu", smoothingMm=1.5, probabilityMaps=True)
    for part in (result.first, result.second):
        assert part.report["command"]["options"]["smoothing_mm"] == 1.5 and part.report["command"]["device"] == "cpu"
        assert list(part.probabilityMapNodes) == ["tumour", "edema"]


def test_the_output_is_that_of_the_first_volume(logicWith, pair, scene):
    output = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    result = logicWith("exclusive").processPatient(*pair, outputSegmentation=output)
    assert result.first.segmentationNode is output
    assert result.second.segmentationNode.GetName() == "Diastole segmentation"


def test_progress_rises_once_over_both(logicWith, pair, monkeypatch):
    import ResFormerSegLib.runs.progress

    ticks, reports = count(), []  # every look at the clock is a second later, however busy the computer is
    monkeypatch.setattr(ResFormerSegLib.runs.progress, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    logicWith("paced").processPatient(*pair, onProgress=lambda *news: reports.append(news))
    fractions = [fraction for fraction, _, _ in reports]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    at = {message: (fraction, left) for fraction, message, left in reports}
    assert at["Systole: slice 5 of 10"][0] == 0.25 and at["Diastole: slice 5 of 10"][0] == 0.75
    assert at["Systole: slice 5 of 10"][1] > 2 * at["Diastole: slice 5 of 10"][1] > 0


def test_the_warnings_of_the_other_volume_are_shown_with_its_name(logicWith, pair):
    result = logicWith("exclusive").processPatient(*pair)
    messages = [warning["message"] for warning in result.forDisplay().warnings]
    assert "The lesion touches the border of the image." in messages
    assert "Diastole: The lesion touches the border of the image." in messages
    saved = json.loads(result.first.segmentationNode.GetAttribute("ResFormerSeg.Report"))["warnings"]
    assert [warning["message"] for warning in saved] == messages


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ("error at the second", "CONSTANT_IMAGE"),
        ("segfault at the second", "ENGINE_CRASHED"),
        ("wrong shape at the second", "RESULT_INVALID"),
        ("bad report at the second", "RESULT_NOT_IMPORTED"),
        ("no heart", "HEART_NOT_FOUND"),
        ("error", "CONSTANT_IMAGE"),
    ],
)
def test_when_anything_fails_nothing_stays(logicWith, pair, scene, behaviour, code):
    from ResFormerSegLib.errors import ResFormerSegError

    output = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    output.CreateDefaultDisplayNodes()
    output.GetSegmentation().AddEmptySegment("mine")
    output.SetAttribute("ResFormerSeg.Diagnosis", "before")
    before = sceneState()
    with pytest.raises(ResFormerSegError) as caught:
        logicWith(behaviour).processPatient(*pair, outputSegmentation=output)
    assert caught.value.code == code
    assert sceneState() == before
    assert list(output.GetSegmentation().GetSegmentIDs()) == ["mine"]
    assert output.GetAttribute("ResFormerSeg.Diagnosis") == "before"


def test_cancelling_the_second_run_leaves_nothing_of_the_first(logicWith, pair):
    from ResFormerSegLib.errors import ResFormerSegError

    before, messages = sceneState(), []
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("slow at the second").processPatient(
            *pair,
            progress=lambda fraction, message: messages.append(message),
            isCancelled=lambda: "Diastole: slice 1 of 10" in messages,
        )
    assert caught.value.code == "CANCELLED"
    assert sceneState() == before


def test_removing_the_other_volume_ends_the_run(logicWith, pair):
    from ResFormerSegLib.errors import ResFormerSegError

    later(500, lambda: slicer.mrmlScene.RemoveNode(pair[1]))
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("slow").processPatient(*pair)
    assert caught.value.code == "INPUT_REMOVED"


def test_a_broken_graphics_card_is_not_tried_again_for_the_second_volume(logicWith, pair):
    result = logicWith("broken gpu").processPatient(*pair, device="cuda")
    assert [part.report["command"]["device"] for part in (result.first, result.second)] == ["cpu", "cpu"]
    assert [warning["code"] for warning in result.first.warnings].count("CPU_AFTER_GPU_FAILURE") == 1


@pytest.mark.parametrize(
    ("second", "model", "code"),
    [("first", "cardiac-mr", "SAME_VOLUME_TWICE"), ("other", "brain-tumor-mr", "MODEL_WITHOUT_PATIENTS"),
     ("none", "cardiac-mr", "NO_VOLUME")],
)  # fmt: skip
def test_what_makes_no_patient_is_refused_before_any_work(logicWith, pair, second, model, code):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = logicWith("exclusive")
    given = {"first": pair[0], "other": pair[1], "none": None}[second]
    with pytest.raises(ResFormerSegError) as caught:
        logic.processPatient(pair[0], given, modelId=model)
    assert caught.value.code == code and caught.value.hint
    assert not logic.isBusy
