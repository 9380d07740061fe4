"""What the worker can be told to do, and what it answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.paths import MODULE_FOLDER
from helpers.tiny_heart import heart_report, save_heart
from helpers.worker_talk import ENDS, job


def test_a_job_gives_progress_and_a_result_on_the_images_grid(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a"))
    events = worker.events(ENDS)
    kinds = [event["event"] for event in events]
    assert kinds[0] in ("status", "heartbeat") and "status" in kinds and "heartbeat" in kinds
    assert all(event["id"] == "a" for event in events if event["event"] != "heartbeat")
    progress = [(event["done"], event["total"]) for event in events if event["event"] == "progress"]
    assert progress[-1] == (5, 5)
    result = events[-1]
    assert result["event"] == "result"
    labels = np.load(result["labels"], allow_pickle=False)
    assert labels.shape == (1, 5, 18, 22) and labels.dtype == np.uint8
    assert Path(result["labels"]) == tmp_path / "a" / "labels.npy"
    report = result["report"]
    assert report["case"] == "Gehirn 脳" and report["model"]["id"] == "tiny"
    (segment,) = report["segments"]
    assert segment["voxels"] == int((labels == segment["value"]).sum())
    assert {"layer", "color", "terminology", "name"} <= segment.keys()


def test_the_image_is_not_changed(worker, models, tmp_path):
    command = job(tmp_path, models, "a")
    before = Path(command["image"]["array"]).read_bytes()
    worker.say(**command)
    worker.hear("result")
    assert Path(command["image"]["array"]).read_bytes() == before


def test_the_slice_axis_may_be_chosen(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a", slices=12, options={"slice_axis": "sagittal"}))
    assert worker.hear(*ENDS)["report"]["slice_axis"]["plane"] == "sagittal"


def test_a_range_of_slices_and_probability_maps_may_be_asked_for(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a"))
    whole = worker.hear(*ENDS)
    assert whole["probability_maps"] is None
    worker.say(**job(tmp_path, models, "b", options={"slices": [1, 3], "probability_maps": True, "smoothing_mm": None}))
    part = worker.hear(*ENDS)
    assert [row["index"] for row in part["report"]["slices"]] == [1, 2, 3]
    labels = np.load(part["labels"])
    assert not labels[0, [0, 4]].any()
    assert np.array_equal(labels[0, 1:4], np.load(whole["labels"])[0, 1:4])
    maps = np.load(part["probability_maps"])
    assert maps.shape == (1, 5, 18, 22) and maps.dtype == np.uint8 and 0 < maps.max() <= 100


def test_options_that_make_no_sense_are_named(worker, models, tmp_path):
    for options in ({"slices": [3, 1]}, {"smoothing_mm": -1}, {"min_area_mm2": -1}, {"colour": "red"}):
        worker.say(**job(tmp_path, models, "a", options=options))
        assert worker.hear(*ENDS)["code"] == "BAD_OPTION"


def explanation(folder: Path, models: Path, name: str, **changes) -> dict:
    return {**job(folder, models, name), "command": "explain", "options": {}, **changes}


def test_a_diagnosis_is_explained_by_a_map_on_the_images_grid(worker, models, tmp_path):
    worker.say(**explanation(tmp_path, models, "a"))
    events = worker.events(ENDS)
    progress = [(event["done"], event["total"]) for event in events if event["event"] == "progress"]
    assert progress and progress[-1][0] == progress[-1][1]
    result = events[-1]
    assert result["event"] == "result" and result["diagnosis"] in ("benign", "malignant")
    assert result["method"] and result["citation"]
    saliency = np.load(result["saliency"])
    assert saliency.shape == (5, 18, 22) and saliency.dtype == np.float32
    assert 0 <= saliency.min() and saliency.max() <= 1


def test_the_diagnosis_and_the_slices_to_explain_may_be_chosen(worker, models, tmp_path):
    worker.say(**explanation(tmp_path, models, "a", options={"diagnosis": "malignant", "slices": [2, 2]}))
    result = worker.hear(*ENDS)
    assert result["diagnosis"] == "malignant"
    saliency = np.load(result["saliency"])
    assert not saliency[[0, 1, 3, 4]].any()


def test_a_diagnosis_that_the_model_does_not_know_cannot_be_explained(worker, models, tmp_path):
    worker.say(**explanation(tmp_path, models, "a", options={"diagnosis": "gout"}))
    error = worker.hear(*ENDS)
    assert error["event"] == "error" and error["code"] != "INTERNAL" and error["hint"]


def test_an_explanation_can_be_cancelled(worker, models, tmp_path):
    worker.say(**explanation(tmp_path, models, "long", image=job(tmp_path, models, "long", slices=4000)["image"]))
    worker.hear("progress")
    worker.say(command="cancel", id="long")
    assert worker.hear(*ENDS)["event"] == "cancelled"


def comparison(folder: Path, first, second, segments: list[dict]) -> dict:
    np.save(folder / "first.npy", first)
    np.save(folder / "second.npy", second)
    return {
        "command": "compare", "id": "c", "first": str(folder / "first.npy"), "second": str(folder / "second.npy"),
        "segments": segments, "affine_lps": np.diag([1, 2, 5, 1.0]).tolist(),
    }  # fmt: skip


def test_two_segmentations_are_compared_segment_by_segment(worker, tmp_path):
    first, second = np.zeros((2, 4, 10, 10), np.uint8)
    first[1:3, 2:6, 2:6], second[1:3, 2:6, 4:8], first[3, 0, 0] = 1, 7, 2
    segments = [
        {"id": "a", "name": "A", "value_first": 1, "value_second": 7},
        {"id": "b", "name": "B", "value_first": 2, "value_second": None},
    ]
    worker.say(**comparison(tmp_path, first, second, segments))
    a, b = worker.hear(*ENDS)["comparison"]
    assert a["dice"] == 0.5 and a["volume_first_ml"] == pytest.approx(0.32)
    assert b["dice"] == 0 and b["hausdorff95_mm"] is None


def test_overlapping_segments_are_compared_in_layers_of_their_own(worker, tmp_path):
    first = np.zeros((2, 3, 8, 8), np.uint8)
    first[0, 1], first[1, 1, :4] = 1, 1
    segments = [
        {"id": "a", "name": "A", "value_first": 1, "value_second": 1, "layer_first": 0, "layer_second": 1},
        {"id": "b", "name": "B", "value_first": 1, "value_second": 1, "layer_first": 1, "layer_second": 0},
    ]
    worker.say(**comparison(tmp_path, first, first[::-1], segments))
    assert [row["dice"] for row in worker.hear(*ENDS)["comparison"]] == [1, 1]


def test_a_comparison_of_what_is_not_there_is_refused(worker, tmp_path):
    labels = np.zeros((3, 8, 8), np.uint8)
    segments = [{"id": "a", "name": "A", "value_first": 1, "value_second": 1, "layer_first": 2}]
    for changes, entry in (({"first": "gone.npy"}, "first"), ({}, "first"), ({"segments": [{}]}, "segments[0].id")):
        worker.say(**{**comparison(tmp_path, labels, labels, segments), **changes})
        error = worker.hear(*ENDS)
        assert error["code"] == "BAD_COMMAND" and f" {entry} " in error["message"]


def pair(sha256: str) -> list[dict]:
    return [heart_report("empty", 30, 10, sha256=sha256), heart_report("full", 40, 9, sha256=sha256)]


def test_a_patient_is_diagnosed_from_two_reports(worker, tmp_path):
    descriptor = save_heart(tmp_path / "heart").descriptor
    reports = pair(descriptor["weights"]["sha256"])
    worker.say(command="patient", id="p", model=str(tmp_path / "heart"), reports=reports)
    result = worker.hear(*ENDS)
    assert result["event"] == "result"
    patient = result["patient"]
    assert patient["cases"] == ["full", "empty"] and patient["diagnosis"]["label"] == "dilated"
    assert patient["cardiac_function"]["lvef"] == pytest.approx(1 - 900 / 1600)


def test_a_patient_needs_a_model_for_it_and_two_complete_reports(worker, models, tmp_path):
    reports = pair("0" * 64)
    for given, code in ((reports, "MODEL_WITHOUT_PATIENTS"), (None, "BAD_COMMAND"), ([{}, {}], "BAD_COMMAND")):
        worker.say(command="patient", id="p", model=str(models / "tiny"), reports=given)
        assert worker.hear(*ENDS)["code"] == code


def test_a_patient_is_diagnosed_without_pytorch(tmp_path):
    descriptor = save_heart(tmp_path / "heart").descriptor
    command = {"command": "patient", "id": "p", "model": str(tmp_path / "heart")}
    command["reports"] = pair(descriptor["weights"]["sha256"])
    program = "import sys; sys.modules['torch'] = None; from resformer_unet.worker.main import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDER)}
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(command), env=environment, capture_output=True, text=True
    )
    assert [json.loads(line)["event"] for line in done.stdout.splitlines() if "heartbeat" not in line] == [
        "ready", "status", "result"
    ], done.stderr  # fmt: skip


def test_it_names_the_devices_and_the_versions(worker):
    worker.say(command="devices", id="d")
    result = worker.hear(*ENDS)
    assert result["devices"] and all({"id", "name", "usable", "reason"} <= row.keys() for row in result["devices"])
    assert any(row["id"] == "cpu" and row["usable"] for row in result["devices"])
    assert {"python", "torch", "resformer_unet", "cuda", "driver"} <= result["versions"].keys()


def test_what_the_user_can_mend_comes_with_code_message_and_hint(worker, models, tmp_path):
    for changes, code in (
        ({"model": "lungs"}, "MODEL_NOT_FOUND"),
        ({"device": "tpu"}, "DEVICE_UNKNOWN"),
        ({"options": {"slice_axis": "diagonal"}}, "SLICE_AXIS_UNKNOWN"),
    ):
        worker.say(**{**job(tmp_path, models, "a"), **changes})
        error = worker.hear(*ENDS)
        assert error.keys() == {"event", "id", "code", "message", "hint"}
        assert (error["event"], error["id"], error["code"]) == ("error", "a", code) and error["hint"]


def test_a_command_with_a_missing_or_wrong_entry_is_answered_with_its_name(worker, models, tmp_path):
    good = job(tmp_path, models, "a")
    for changes, entry in (
        ({"model": None}, "model"),
        ({"image": None}, "image"),
        ({"image": {**good["image"], "affine_lps": [[1, 0, 0]]}}, "image.affine_lps"),
        ({"image": {**good["image"], "array": str(tmp_path / "gone.npy")}}, "image.array"),
        ({"output": 7}, "output"),
        ({"options": ["axial"]}, "options"),
        ({"options": {"slice_axis": 1}}, "options.slice_axis"),
        ({"options": {"slices": [1]}}, "options.slices"),
        ({"options": {"probability_maps": "yes"}}, "options.probability_maps"),
    ):
        worker.say(**{**good, **changes})
        error = worker.hear(*ENDS)
        assert (error["id"], error["code"]) == ("a", "BAD_COMMAND") and error["hint"]
        assert f" {entry} " in error["message"]
    worker.say(command="predict", id="x")
    message = worker.hear(*ENDS)["message"]
    assert all(f"{entry} is missing" in message for entry in ("model", "image", "output"))


def test_options_and_device_may_be_null_or_absent(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a", options=None, device=None))
    assert worker.hear(*ENDS)["event"] == "result"
    command = job(tmp_path, models, "a")
    del command["options"], command["device"]
    worker.say(**command)
    assert worker.hear(*ENDS)["event"] == "result"


def test_pickled_arrays_are_not_opened(worker, models, tmp_path):
    command = job(tmp_path, models, "a")
    np.save(command["image"]["array"], np.array([{"any": "object"}], object), allow_pickle=True)
    worker.say(**command)
    assert worker.hear(*ENDS)["event"] == "error"


def test_an_output_folder_that_is_gone_is_told(worker, models, tmp_path):
    worker.say(**job(tmp_path, models, "a", output=str(tmp_path / "gone")))
    error = worker.hear(*ENDS)
    assert error["code"] == "OUTPUT_NOT_WRITABLE" and "gone" in error["message"]
