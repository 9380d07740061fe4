"""The commands of the worker that work on results: comparing segmentations, diagnosing a patient."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.paths import MODULE_FOLDER
from helpers.sequences import beat, heart_reports
from helpers.tiny_heart import heart_report, save_heart
from helpers.worker_talk import ENDS
from resformer_unet.errors import Cancelled
from resformer_unet.worker.commands import Commands
from resformer_unet.worker.protocol import CommandContext


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
    worker.send(**comparison(tmp_path, first, second, segments))
    a, b = worker.wait_for(*ENDS)["comparison"]
    assert a["dice"] == 0.5 and a["volume_first_ml"] == pytest.approx(0.32)
    assert b["dice"] == 0 and b["hausdorff95_mm"] is None


def test_overlapping_segments_are_compared_in_layers_of_their_own(worker, tmp_path):
    first = np.zeros((2, 3, 8, 8), np.uint8)
    first[0, 1], first[1, 1, :4] = 1, 1
    segments = [
        {"id": "a", "name": "A", "value_first": 1, "value_second": 1, "layer_first": 0, "layer_second": 1},
        {"id": "b", "name": "B", "value_first": 1, "value_second": 1, "layer_first": 1, "layer_second": 0},
    ]
    worker.send(**comparison(tmp_path, first, first[::-1], segments))
    assert [row["dice"] for row in worker.wait_for(*ENDS)["comparison"]] == [1, 1]


def test_a_comparison_of_missing_labels_is_refused(worker, tmp_path):
    labels = np.zeros((3, 8, 8), np.uint8)
    segments = [{"id": "a", "name": "A", "value_first": 1, "value_second": 1, "layer_first": 2}]
    for changes, entry in (({"first": "gone.npy"}, "first"), ({}, "first"), ({"segments": [{}]}, "segments[0].id")):
        worker.send(**{**comparison(tmp_path, labels, labels, segments), **changes})
        error = worker.wait_for(*ENDS)
        assert error["code"] == "BAD_COMMAND" and f" {entry} " in error["message"]


@pytest.mark.parametrize("finished", [0, 1, 2])
def test_a_comparison_that_is_cancelled_stops_before_the_next_segment(tmp_path, finished):
    labels = np.zeros((3, 8, 8), np.uint8)
    labels[1, 2:5, 2:5] = 1
    segments = [{"id": name, "name": name, "value_first": 1, "value_second": 1} for name in "abc"]
    events = []
    context = CommandContext(
        "c",
        lambda event, **content: events.append((event, content)),
        lambda: sum(event == "progress" for event, _ in events) == finished,
    )
    with pytest.raises(Cancelled):
        Commands().run(comparison(tmp_path, labels, labels, segments), context)
    progress = [(content["done"], content["total"]) for event, content in events if event == "progress"]
    assert progress == [(number, 3) for number in range(1, finished + 1)]


def test_a_comparison_that_is_not_cancelled_counts_its_segments(worker, tmp_path):
    labels = np.ones((3, 8, 8), np.uint8)
    segments = [{"id": name, "name": name, "value_first": 1, "value_second": 1} for name in "ab"]
    worker.send(**comparison(tmp_path, labels, labels, segments))
    events = worker.events(ENDS)
    assert [(row["done"], row["total"]) for row in events if row["event"] == "progress"] == [(1, 2), (2, 2)]
    assert [row["id"] for row in events[-1]["comparison"]] == ["a", "b"]


def test_without_segments_a_comparison_is_empty(worker, tmp_path):
    labels = np.ones((3, 8, 8), np.uint8)
    worker.send(**comparison(tmp_path, labels, labels, []))
    assert worker.wait_for(*ENDS)["comparison"] == []


def pair(sha256: str) -> list[dict]:
    return [heart_report("empty", 30, 10, sha256=sha256), heart_report("full", 40, 9, sha256=sha256)]


def test_a_patient_is_diagnosed_from_two_reports(worker, tmp_path):
    descriptor = save_heart(tmp_path / "heart").descriptor
    reports = pair(descriptor["weights"]["sha256"])
    worker.send(command="patient", id="p", model=str(tmp_path / "heart"), reports=reports)
    result = worker.wait_for(*ENDS)
    assert result["event"] == "result"
    patient = result["patient"]
    assert patient["cases"] == ["full", "empty"] and patient["diagnosis"]["label"] == "dilated"
    assert patient["cardiac_function"]["lvef"] == pytest.approx(1 - 900 / 1600)


def test_a_patient_needs_a_model_for_it_and_two_complete_reports(worker, models, tmp_path):
    reports = pair("0" * 64)
    for given, code in ((reports, "MODEL_WITHOUT_PATIENTS"), (None, "BAD_COMMAND"), ([{}, {}], "BAD_COMMAND")):
        worker.send(command="patient", id="p", model=str(models / "tiny"), reports=given)
        assert worker.wait_for(*ENDS)["code"] == code


def test_reports_that_the_engine_did_not_write_are_a_bad_command_and_no_bug(worker, tmp_path):
    sha256 = save_heart(tmp_path / "heart").descriptor["weights"]["sha256"]
    for damage in (
        lambda report: report["segments"][0].update(volume_mm3="many"),
        lambda report: report["segments"][0].update(volume_mm3={}),
        lambda report: report["segments"][0].update(id=[]),
        lambda report: report["slices"][0].update(area_mm2="x"),
        lambda report: report["segments"].clear(),
    ):
        reports = pair(sha256)
        damage(reports[0])
        worker.send(command="patient", id="p", model=str(tmp_path / "heart"), reports=reports)
        end = worker.wait_for(*ENDS)
        assert end["event"] == "error" and end["code"] != "INTERNAL", end


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


def test_a_heart_is_evaluated_over_its_cycle_and_bad_entries_are_named(worker, tmp_path):
    bundle = save_heart(tmp_path / "heart")
    reports = heart_reports(beat(12), bundle.descriptor["weights"]["sha256"])
    command = {
        "command": "cine",
        "id": "h",
        "model": str(tmp_path / "heart"),
        "reports": [*reports[:3], None, *reports[4:]],
    }
    worker.send(**command, end_systole=6, frames=list(range(2, 14)), body={"height_cm": 180, "weight_kg": 80})
    heart = worker.wait_for(*ENDS)["heart"]
    assert (heart["end_diastole"], heart["end_systole"]) == (2, 6)
    assert heart["curves"]["lv_ml"][3] is None and heart["body"]["surface_m2"] == pytest.approx(2)
    worker.send(**command, times_s=[0.0])
    assert "12 entries" in worker.wait_for(*ENDS)["message"]
