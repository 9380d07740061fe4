"""What a script gives: whatever Python or NumPy takes for a number is one, and the rest is refused in plain words."""

import copy
import json
import os
import pickle

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume, sceneState


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"slices": np.array([0, 2])}, {"slices": [0, 2]}),
        ({"slices": (np.int64(1), np.uint8(2))}, {"slices": [1, 2]}),
        ({"minimumAreaMm2": np.float32(2.5)}, {"min_area_mm2": 2.5}),
        ({"smoothingMm": np.array(1)}, {"smoothing_mm": 1.0}),
        ({"probabilityMaps": np.bool_(True)}, {"probability_maps": True}),
        ({"probabilityMaps": np.array([1, 3]).sum() > 3}, {"probability_maps": True}),
    ],
    ids=str,
)
def test_values_of_numpy_are_taken_as_pythons_own(scene, logicWith, given, options):
    command = logicWith("exclusive").process(makeVolume(), **given).report["command"]["options"]
    assert {name: command[name] for name in options} == options


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"slices": 5}, "BAD_OPTION", "two whole numbers"),
        ({"slices": (3, 1)}, "BAD_OPTION", "the first not above the last"),
        ({"slices": (0, 10**5000)}, "BAD_OPTION", "two whole numbers"),
        ({"smoothingMm": 10**5000}, "BAD_OPTION", "a number that is too long to write"),
        ({"smoothingMm": "1"}, "BAD_OPTION", "“1”"),
        ({"smoothingMm": np.array([1.0, 2.0])}, "BAD_OPTION", "a number"),
        ({"probabilityMaps": "yes"}, "BAD_OPTION", "true or false"),
        ({"sliceAxis": "diagonal " * 1000}, "BAD_OPTION", "one of"),
        ({"device": "CPU"}, "DEVICE_UNKNOWN", "“CPU”"),
        ({"device": "tpu"}, "DEVICE_UNKNOWN", "“tpu”"),
        ({"device": 5}, "DEVICE_UNKNOWN", "5"),
        ({"modelId": 5}, "NOT_A_MODEL", "int"),
        ({"modelId": ""}, "NOT_A_MODEL", "empty"),
        ({"modelId": "a\0b"}, "NOT_A_MODEL", "not a name"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else str(list(value)),
)
def test_a_bad_value_is_refused_in_words_before_a_worker_is_started(scene, logicWith, tmp_path, given, code, words):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume()
    before = sceneState()
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("exclusive").process(volume, **given)
    assert caught.value.code == code and words in caught.value.message and caught.value.hint
    assert len(str(caught.value)) < 400 and "docs/" not in str(caught.value)
    assert sceneState() == before and not list(tmp_path.glob("*.pid"))


@pytest.mark.parametrize("name", ["no\udcffsuch model", "x" * 5000], ids=["half a surrogate", "very long"])
def test_a_model_of_an_impossible_name_is_refused_at_once_and_the_worker_stays(scene, module, name):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = module.ResFormerSegLogic()
    try:
        with pytest.raises(ResFormerSegError) as caught:
            logic.process(makeVolume(), name)
        assert caught.value.code == "MODEL_NOT_FOUND" and len(caught.value.message) < 1000
        caught.value.message.encode()
        worker = logic._keeper._engine
        assert logic.devices()["devices"] and logic._keeper._engine is worker
    finally:
        logic.cleanup()


def test_an_output_that_was_never_in_the_scene_is_said_to_be_so(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    outside = slicer.vtkMRMLSegmentationNode()
    outside.SetName("Mine")
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("exclusive").process(makeVolume(), outputSegmentation=outside)
    assert caught.value.code == "NOT_IN_SCENE" and "'Mine'" in caught.value.message and "AddNode" in caught.value.hint


def test_errors_can_be_copied_and_pickled(module):
    from ResFormerSegLib.errors import ResFormerSegError

    error = ResFormerSegError("CODE", "A message.", "A hint.", "details")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert vars(again) == vars(error) and str(again) == str(error) == "A message. A hint."


def test_a_result_is_written_in_five_lines_however_many_slices_it_has(scene, logicWith):
    result = logicWith("exclusive").process(makeVolume(shape=(200, 8, 10)))
    assert repr(result).replace("\N{NO-BREAK SPACE}", " ").splitlines() == [
        "ProcessingResult of 'Brain' by fake 1.0.0",
        "  diagnosis: glioma (75 %)",
        "  segments: Tumour 0.048 ml, Oedema 0.048 ml",
        "  slices: 200",
        "  warnings: LESION_AT_BORDER, ON_CPU",
    ]


def test_a_result_becomes_plain_values_that_json_takes(scene, logicWith):
    result = logicWith("exclusive").process(makeVolume(), probabilityMaps=True)
    found = json.loads(json.dumps(result.toDict()))
    assert found["diagnosis"] == "glioma" and found["probabilities"] == {"glioma": 0.75, "meningioma": 0.25}
    assert scene.GetNodeByID(found["segmentationNode"]) is result.segmentationNode
    assert scene.GetNodeByID(found["probabilityMapNodes"]["edema"]) is result.probabilityMapNodes["edema"]
    assert found["report"] == result.report and found["patient"] is None
    (row, *_others) = result.slicesToRows()
    assert row["index"] == 0 and row["probabilities.glioma"] == 0.75 and row["voxels.tumour"] == 40


def test_a_patients_result_is_written_in_two_lines_and_becomes_plain_values(scene, logicWith):
    result = logicWith("exclusive").processPatient(makeVolume(name="ED"), makeVolume(name="ES"))
    assert repr(result).replace("\N{NO-BREAK SPACE}", " ") == ("PatientResult of ED and ES\n  diagnosis: normal (90 %)")
    found = json.loads(json.dumps(result.toDict()))
    assert found["patient"]["cases"] == ["ED", "ES"] and found["second"]["report"]["case"] == "ES"


def test_slices_become_a_data_frame_or_it_is_said_what_is_missing(scene, logicWith, monkeypatch):
    import sys

    from ResFormerSegLib.errors import ResFormerSegError

    result = logicWith("exclusive").process(makeVolume())
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ResFormerSegError) as caught:
        result.slicesToDataFrame()
    assert caught.value.code == "PANDAS_MISSING" and "slicesToRows" in caught.value.hint
    monkeypatch.undo()
    pandas = pytest.importorskip("pandas")
    frame = result.slicesToDataFrame()
    assert isinstance(frame, pandas.DataFrame) and list(frame["index"]) == [0, 1, 2]
    assert os.linesep.join(frame.columns).count("voxels.") == 2
