"""The benchmark for a graphics card, as far as it goes without one: plan, time limits, missing packages, its page."""

from __future__ import annotations

import json
import sys
import zipfile
from itertools import count
from pathlib import Path

import pytest
import torch

from helpers.paths import BENCHMARKS

pytest.importorskip("matplotlib")

import document  # noqa: E402
import gpu  # noqa: E402
import gpu_plan  # noqa: E402
import run  # noqa: E402
from batch_search import search_batch  # noqa: E402
from carried_packages import missing, unpack_wheels, use_packages  # noqa: E402
from document_gpu import gpu_section  # noqa: E402
from gpu_tolerance import agrees  # noqa: E402
from largest_slice import LargestSlice  # noqa: E402
from plan import Measurement  # noqa: E402
from results import Results  # noqa: E402

CPU = torch.device("cpu")
MACHINE = {
    "part": "machine", "date": "2026-01-02", "commit": "abc", "processor": "A CPU", "processors": 16, "used": 16,
    "gpu": "NVIDIA H200", "gpu_memory_gb": 150.0, "cuda": "13.0", "versions": {"torch": "2.13"},
    "plan": ["growth", "training"],
}  # fmt: skip
THROUGHPUT = {"part": "throughput", "device": "cuda", "side": 256, "precision": "half", "ms_alone": 4.0, "peak_mb": 900}


def rows_on_disk(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / gpu.ROWS).read_text("utf-8").splitlines()]


@pytest.fixture
def programs(monkeypatch, tmp_path):
    """Programs of a folder of its own, by name and text, in the place of the benchmark's."""
    monkeypatch.setattr(run, "HERE", tmp_path)

    def write(name: str, text: str) -> Measurement:
        (tmp_path / f"{name}.py").write_text(text)
        return Measurement(name)

    return write


@pytest.mark.parametrize("choose", [gpu_plan.full, gpu_plan.small_sizes])
def test_the_plan_names_programs_and_whatever_a_card_is_for_is_in_it(choose):
    steps = list(choose("brain-tumor-mr"))
    assert all((BENCHMARKS / f"{step.program}.py").is_file() for step in steps)
    assert {step.program for step in steps} == {
        "device_choice", "gpu_agreement", "memory_ladder", "throughput", "growth", "predict_job", "training_steps",
        "largest_slice", "training",
    }  # fmt: skip
    words = {word for step in steps for word in step.arguments}
    assert {*gpu_plan.COMPARED} <= words and {
        "nnU-Net 2D",
        "MONAI SwinUNETR",
        "MONAI UNETR",
        "MONAI BasicUNet",
    } <= words


def test_a_models_neighbour_is_asked_for_too_by_id_or_folder():
    (agreement,) = (step for step in gpu_plan.full("runs/brain") if step.program == "gpu_agreement")
    assert agreement.arguments == ("--models", "runs/brain", "runs/skin-lesion")
    assert gpu_plan._models("brain-tumor-mr")[1] == "skin-lesion"


def test_a_part_that_takes_too_long_is_ended_and_what_it_had_printed_is_kept(programs):
    step = programs("slow", 'import time\nprint(\'{"part": "ladder"}\', flush=True)\ntime.sleep(60)\n')
    rows, problem = run.measure(Measurement(step.program, limit=3), None)
    assert rows == [{"part": "ladder"}] and "longer than" in problem


def test_the_rows_are_written_after_each_part_whatever_becomes_of_the_next(programs, tmp_path):
    good = programs("good", 'print(\'{"part": "growth"}\')')
    bad = programs("bad", "raise SystemExit('the card is lost')")
    rows = gpu.Rows(tmp_path / gpu.ROWS, MACHINE)
    gpu.work([good], rows, tmp_path, until=60, clock=lambda: 0)
    assert [row["part"] for row in rows_on_disk(tmp_path)] == ["machine", "growth", "step"]
    gpu.work([bad], rows, tmp_path, until=60, clock=lambda: 0)
    assert rows_on_disk(tmp_path)[-1]["why"] == "the card is lost" and rows.failed == 1


def test_what_needs_a_missing_package_is_left_out_by_name_and_so_is_what_has_no_time_left(tmp_path):
    rows = gpu.Rows(tmp_path / gpu.ROWS, MACHINE)
    absent = Measurement("throughput", ("--networks", "MONAI UNETR"), needs=("json", "no_such_package"))
    late = Measurement("training")
    gpu.work([absent, late], rows, tmp_path, until=5, clock=lambda: 0)
    first, second = rows_on_disk(tmp_path)[1:]
    assert (first["step"], first["outcome"]) == ("throughput, MONAI UNETR", "left out")
    assert first["why"] == "not installed: no_such_package" and second["why"] == "the time was used up"
    assert rows.failed == 0
    assert "throughput, MONAI UNETR (not installed: no_such_package)" in gpu_section(Results(rows_on_disk(tmp_path)))


def test_no_part_is_allowed_more_than_the_time_that_is_left(monkeypatch, tmp_path):
    limits, seconds = [], count(0, 50)
    monkeypatch.setattr(run, "measure", lambda step, volume: limits.append(step.limit) or ([], None))
    rows = gpu.Rows(tmp_path / gpu.ROWS, MACHINE)
    gpu.work([Measurement("growth", limit=90)] * 2, rows, tmp_path, until=150, clock=lambda: next(seconds))
    assert limits == [90, 50]


def test_a_volume_that_cannot_be_drawn_ends_its_own_part_alone(programs, tmp_path):
    programs("volumes", "raise SystemExit('the disk is full')")
    rows = gpu.Rows(tmp_path / gpu.ROWS, MACHINE)
    steps = [Measurement("predict_job", volume=(2, 32)), Measurement("training", needs=("no_such_package",))]
    gpu.work(steps, rows, tmp_path, until=60, clock=lambda: 0)
    assert [row["outcome"] for row in rows_on_disk(tmp_path)[1:]] == ["failed", "left out"]


def test_wheels_that_were_brought_along_are_found_by_the_programs(monkeypatch, tmp_path):
    with zipfile.ZipFile(tmp_path / "carried-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carried_for_the_test.py", "VALUE = 1\n")
        wheel.writestr("carried-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carried\nVersion: 1.0\n")
        wheel.writestr("carried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("carried-1.0.dist-info/RECORD", "")
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setenv("PYTHONPATH", "before")
    assert missing(["carried_for_the_test"]) == ["carried_for_the_test"]
    unpack_wheels(tmp_path, tmp_path / "packages")
    use_packages(tmp_path / "packages")
    assert missing(["carried_for_the_test"]) == []
    with zipfile.ZipFile(tmp_path / "parted-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("parted-1.0.data/scripts/parted", "")
    with pytest.raises(ValueError, match="parted-1.0.*pip"):
        unpack_wheels(tmp_path, tmp_path / "packages")


def test_the_batch_is_doubled_while_that_helps_and_memory_lasts():
    def search(most: int, largest: int = 64):
        def ready(batch: int):
            if batch > most:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return lambda: None

        return search_batch(ready, CPU, seconds=60, largest=largest)

    full = search(most=2)
    assert full.ended == "memory" and [trial.batch for trial in full.trials] == [1, 2]
    assert search(most=0).figures() == {"left_out": "there is no memory for a single image"}
    assert search(most=99, largest=2).ended == "largest"
    assert search_batch(lambda batch: lambda: None, CPU, seconds=0).ended == "time"


class Card:
    """In the place of a backend: takes slices up to a side."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.error = most, error

    def predict(self, batch) -> None:
        if batch.shape[-1] > self.most:
            raise self.error


def test_the_largest_slice_is_narrowed_down_and_another_failure_is_not_called_memory():
    found = LargestSlice(Card(200, MemoryError()), 1, seconds=60).search(start=32, largest=1024, step=32)
    assert (found["side"], found["beyond"], found["ended"]) == (192, 224, "memory")
    broken = LargestSlice(Card(64, RuntimeError("cannot count\nat line 3")), 1, 60).search(64, 1024, 64)
    assert (broken["side"], broken["ended"]) == (64, "cannot count")
    assert LargestSlice(Card(9999, MemoryError()), 1, 60).search(32, 64, 32)["ended"] == "largest"


def test_answers_beyond_the_tolerance_are_not_called_the_same():
    near = {"mask_difference": 0.01, "diagnosis_difference": 0.001, "dice": None}
    assert agrees("half", near) and not agrees("float32", near)
    assert not agrees("half", {**near, "dice": 0.9}) and not agrees("half", {**near, "diagnosis_difference": 0.5})


def test_the_page_names_the_card_and_shows_what_was_measured():
    near = {"mask_difference": 0.01, "diagnosis_difference": 0.001, "dice": 0.99}
    rows = [
        MACHINE,
        {**THROUGHPUT, "network": "small", "ms_per_image": 0.05, "batch": 256},
        {**THROUGHPUT, "network": "nnU-Net 2D", "ms_per_image": 0.5, "batch": 64},
        {"part": "throughput", "network": "small, ONNX Runtime", "left_out": "no CUDA provider"},
        {"part": "device choice", "chosen": "cuda:0 (NVIDIA H200)", "reported": "cpu", "engine": "PyTorch",
         "right": False, "expected": "cuda:0 (NVIDIA H200)"},
        {"part": "agreement", "model": "skin-lesion", "precision": "half", "slices": 1, "agrees": False, **near,
         "tolerance": {"mask_difference": 0.05, "diagnosis_difference": 0.02, "dice": 0.995}},
        {"part": "ladder", "when": "10% of a batch's memory left", "need_mb": 900, "left_mb": 90.0, "seconds": 1.0,
         "error": None, "steps": ["BATCH_HALVED", "BATCH_HALVED", "CPU_INSTEAD_OF_GPU"], "end": "cpu", "dice": 1.0},
        {"part": "largest slice", "preset": "small", "batch": 1, "side": 9216, "seconds": 2.0, "ended": "memory"},
    ]  # fmt: skip
    text = gpu_section(Results(rows))
    assert text.startswith("## On a GPU") and "one NVIDIA H200 with 150 GB" in text
    assert "| nnU-Net 2D | 0.50 (64) |" in text and "| nnU-Net 2D | 10.0× |" in text
    assert "small, ONNX Runtime (no CUDA provider)" in text and "**but should take cuda:0" in text
    assert "0.99000 (≥ 0.995) | **no** |" in text and "smaller batch, 2 times, on the CPU" in text
    assert "9216×9216" in text and "memory runs out" in text


def test_without_a_card_the_page_says_so_and_replaces_no_other_section(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Benchmarks\n\n## Training\n\n19 images\n\n## On a GPU\n\nold\n\n## After\n\nkept\n", "utf-8")
    step = {"part": "step", "step": "growth", "seconds": 1.0, "outcome": "done", "why": None}
    document.replace_gpu_section(Results([{**MACHINE, "gpu": None}, step]), page)
    text = page.read_text("utf-8")
    assert "No GPU was there" in text and "1 of 2 parts were done" in text and "training (not begun)" in text
    assert "make benchmark-gpu" in text
    assert "19 images" in text and text.endswith("## After\n\nkept\n") and "old" not in text
    document.replace_gpu_section(Results([{**MACHINE, "gpu": None}, step]), page)
    assert page.read_text("utf-8") == text
    assert "Nothing has been measured on a GPU yet" in document.gpu_section(Results([]))
