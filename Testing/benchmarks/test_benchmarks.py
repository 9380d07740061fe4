"""The benchmark's programs at their smallest, and the page that is made of their rows. Figures are never judged."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from helpers.paths import BENCHMARKS

pytest.importorskip("matplotlib")

import document  # noqa: E402
import plan  # noqa: E402
import run  # noqa: E402
from aims import AIMS  # noqa: E402
from fits import straight_line  # noqa: E402
from measuring import rounds  # noqa: E402
from results import Results  # noqa: E402

MACHINE = {
    "part": "machine", "date": "2026-01-02", "commit": "abc", "processor": "A CPU", "processors": 4, "used": 2,
    "memory_gb": 16.0, "system": "Linux", "python": "3.12", "gpu": None, "load": 0.1, "versions": {"torch": "2.13"},
}  # fmt: skip


def forward_row(network: str, times_small: float) -> dict:
    setting = {"side": 256, "batch": 1, "threads": 2, "device": "cpu", "rounds": 5, "layout": "contiguous"}
    return {
        "part": "forward",
        "network": network,
        **setting,
        "ms_per_slice": 40 * times_small,
        "times_small": times_small,
    }


def growth_row(slices: int) -> dict:
    figures = {"seconds": 0.1 + 0.03 * slices, "peak_mb": 50 + 0.5 * slices, "volume_float32_mb": 0.26 * slices}
    return {"part": "growth", "slices": slices, "size": 256, "device": "cpu", "rounds": 1, **figures}


ROWS = [
    MACHINE,
    forward_row("small", 1.0),
    forward_row("nnU-Net 2D", 8.0),
    {"part": "forward", "network": "smp Unet-ResNet34", "side": 256, "left_out": "No module named 'smp'"},
    *map(growth_row, (10, 100, 1000)),
]


def verdict(results: Results, what: str) -> list[str]:
    return next(aim.row(results) for aim in AIMS if what in aim.what)


def test_a_measurement_is_a_process_that_prints_rows():
    step = plan.Measurement("growth", ("--slices", "2", "--size", "64", "--rounds", "1", "--device", "cpu"))
    (row,), problem = run.measure(step, None)
    assert problem is None
    assert row["part"] == "growth" and row["seconds"] > 0 and row["peak_mb"] > 0


def test_a_failing_measurement_is_reported(tmp_path):
    rows, problem = run.measure(plan.Measurement("predict_job", ("--rounds", "1")), tmp_path / "nothing.nii.gz")
    assert rows == [] and "nothing.nii.gz" in problem


@pytest.mark.parametrize("program", ["predict_job", "scene_job", "cold_start", "event_loop"])
def test_the_programs_of_the_whole_job_run_with_the_module_as_it_is(program, tmp_path):
    step = next(step for step in plan.quick(gpu=False) if step.program == program)
    rows, problem = run.measure(step, run.volume_file(step, tmp_path))
    assert problem is None and rows


def test_networks_take_turns_and_one_that_is_not_installed_is_left_out():
    arguments = ["--side", "64", "--rounds", "1", "--threads", "1", "--networks", "small", "smp Unet-ResNet34"]
    command = [sys.executable, str(BENCHMARKS / "forward.py"), *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = {row["network"]: row for row in map(json.loads, output.splitlines())}
    assert rows["small"]["times_small"] == 1 and rows["base"]["times_small"] > 0
    if "left_out" in rows["smp Unet-ResNet34"]:
        assert "segmentation_models_pytorch" in rows["smp Unet-ResNet34"]["left_out"]


@pytest.mark.parametrize("choose", [plan.full, plan.quick])
def test_every_step_of_the_plan_is_a_program_and_drawn_volumes_have_files(choose):
    for step in choose(gpu=True):
        assert (BENCHMARKS / f"{step.program}.py").is_file()
        assert (step.volume is not None) == (step.program in ("predict_job", "scene_job", "waterfall"))


def test_rounds_end_with_their_time_or_their_number():
    assert len(rounds(lambda: None, seconds=60, most=4)) == 4
    assert len(rounds(lambda: None, seconds=0, most=4)) == 1
    assert len(rounds(lambda: None, seconds=0, most=4, least=3)) == 3


def test_the_page_holds_aims_ratios_and_pictures(tmp_path):
    document.write_document(Results(ROWS), Results([]), tmp_path / "benchmarks.md")
    text = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert "A CPU; 2 of 4 logical processors used" in text
    assert "| nnU-Net 2D | 8.00× |" in text and "| nnU-Net 2D | 320 |" in text
    assert "smp Unet-ResNet34 (No module named 'smp')" in text
    assert "256×256: linear; the farthest value lies 0.0% of" in text
    for picture in ("benchmarks-forward.svg", "benchmarks-growth.svg"):
        assert f"({picture})" in text and "<svg" in (tmp_path / picture).read_text("utf-8")
    assert "quick run" not in text


def test_a_quick_run_is_called_one():
    assert "quick run" in document.document(Results([{**MACHINE, "quick": True}]), Results([]), {})


def test_a_value_is_held_against_least_and_aim():
    results = Results(ROWS)
    assert verdict(results, "nnU-Net")[1:] == ["≥ 7×", "≥ 15×", "8.0× (PyTorch)", "least"]
    assert verdict(results, "SwinUNETR")[-2:] == ["not measured", "–"]
    assert verdict(results, "number of slices")[-1] == "aim"
    slow = Results([MACHINE, forward_row("small", 1.0), forward_row("nnU-Net 2D", 3.0)])
    assert verdict(slow, "nnU-Net")[-1] == "**no**"


def test_memory_is_judged_by_whichever_needs_more():
    volume = {"device": "cpu", "slices": 200, "size": 512, "volume_float32_mb": 200.0}
    rows = [
        {"part": "scene", **volume, "worker_peak_mb": 250.0, "worker_peak_in_all_mb": 400.0},
        {"part": "command line", **volume, "peak_mb": 500.0, "peak_in_all_mb": 650.0},
    ]
    row = verdict(Results(rows), "peak memory")
    assert row[-2:] == ["1.25× (worker, 400 MB in all); 2.50× (command line, 650 MB in all)", "least"]


def test_rows_of_two_machines_are_not_mixed(tmp_path):
    run.write(tmp_path / "forward.jsonl", [MACHINE])
    run.write(tmp_path / "growth.jsonl", [{**MACHINE, "processor": "Another"}])
    with pytest.raises(SystemExit, match="several machines"):
        Results.load(tmp_path)


def test_missing_results_are_an_error_with_a_hint(monkeypatch, tmp_path):
    folders = ["--results", str(tmp_path), "--gpu", str(tmp_path), "--output", str(tmp_path / "page.md")]
    monkeypatch.setattr(sys, "argv", ["document.py", *folders])
    with pytest.raises(SystemExit, match="run.py"):
        document.main()


def test_a_straight_line_is_found_and_a_curve_is_not_called_one():
    line = straight_line([1, 2, 4], [5, 7, 11])
    assert math.isclose(line.constant, 3) and math.isclose(line.slope, 2) and math.isclose(line.r2, 1)
    curve, flat = straight_line([1, 10, 100, 1000], [0, 1, 2, 3]), straight_line([1, 10, 100], [9, 9.1, 9])
    assert curve.r2 < 0.9 and curve.distance > 0.2
    assert flat.r2 < 0.9 and flat.distance < 0.01
