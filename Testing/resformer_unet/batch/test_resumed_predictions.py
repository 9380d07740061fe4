"""Interrupted predictions continue where they stopped; outdated results are predicted again."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers.paths import MODULE_FOLDER
from helpers.synthetic_images import oblique_affine, volume, write_picture, write_series, write_volume
from helpers.tiny_model import save_tiny
from resformer_unet.batch.case_files import input_state
from resformer_unet.batch.cases import unfinished_report
from resformer_unet.batch.run import predict_files
from resformer_unet.cli.main import main
from resformer_unet.inference.options import PredictOptions

NAMES = ["a", "b", "c", "d", "e"]
# The signal comes when the third report is about to be written: its segmentation is written, but has no name yet.
KILLED = """
import os, signal, sys
from resformer_unet.batch import case_files
from resformer_unet.cli.main import main

atomic_file = case_files.atomic_file

def killed(path):
    if path.name == "c.json":
        os.kill(os.getpid(), int(sys.argv[1]))
    return atomic_file(path)

case_files.atomic_file = killed
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started the tests with Ctrl-C ignored
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    return str(save_tiny(tmp_path_factory.mktemp("models") / "tiny").folder)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Five pictures of noise."""
    random = np.random.default_rng(0)
    for name in NAMES:
        (tmp_path / "in").mkdir(exist_ok=True)
        write_picture(tmp_path / "in" / f"{name}.png", random.integers(0, 255, (40, 44), np.uint8))
    return tmp_path / "in"


def arguments(inputs: Path, model: str, output: Path) -> list[str]:
    return ["predict", str(inputs), "--model", model, "--output", str(output), "--device", "cpu"]


def times(output: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in output.glob("*.json")}


def rows(output: Path) -> list[dict[str, str]]:
    with (output / "summary.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def without_times(output: Path) -> dict[str, dict]:
    reports = {path.name: json.loads(path.read_text("utf-8")) for path in output.glob("*.json")}
    return {name: {**report, "timing_s": None} for name, report in reports.items()}


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_an_interrupted_run_continues_and_ends_as_an_uninterrupted_one(folder, model, tmp_path, capsys, number):
    out = tmp_path / "out"
    stopped = subprocess.run(
        [sys.executable, "-c", KILLED, str(int(number)), *arguments(folder, model, out)],
        env={**os.environ, "PYTHONPATH": str(MODULE_FOLDER)},
        capture_output=True,
        timeout=120,
    )
    assert stopped.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert set(times(out)) == {"a.json", "b.json"} and [row["case"] for row in rows(out)] == ["a", "b"]
    before = times(out)
    assert main([*arguments(folder, model, out), "--resume"]) == 0
    printed = capsys.readouterr()
    assert "2 of 5 results existed already and were kept." in printed.err
    assert [line.partition(":")[0] for line in printed.out.splitlines()] == ["c", "d", "e"]
    assert before.items() <= times(out).items()
    files = {f"{name}{suffix}" for name in NAMES for suffix in (".json", ".seg.nrrd")} | {"summary.csv"}
    assert {path.name for path in out.iterdir()} == files
    assert main(arguments(folder, model, tmp_path / "at once")) == 0
    assert without_times(out) == without_times(tmp_path / "at once")
    in_both = [[{**row, "seconds": ""} for row in rows(output)] for output in (out, tmp_path / "at once")]
    assert in_both[0] == in_both[1]


def kept(inputs: list[Path], model: str, output: Path, **options) -> list[bool]:
    outcomes = predict_files(inputs, model, output, device="cpu", resume=True, **options)
    return [outcome.kept for outcome in sorted(outcomes, key=lambda outcome: inputs.index(outcome.input))]


def test_only_the_result_of_the_same_input_model_and_options_is_kept(folder, model, tmp_path):
    a, b = folder / "a.png", folder / "b.png"
    out = tmp_path / "out"
    assert kept([a, b], model, out) == [False, False]
    assert kept([a, b], model, out) == [True, True]
    write_picture(a, np.arange(1600, dtype=np.uint16).reshape(40, 40))
    assert kept([a, b], model, out) == [False, True]
    options = PredictOptions(slices=(0, 0), probability_maps=True)
    assert kept([a, b], model, out, options=options) == [False, False]
    assert kept([a, b], model, out, options=options) == [True, True]
    assert kept([a, b], model, out) == [False, False]
    newer = str(save_tiny(tmp_path / "newer", version="1.0.1").folder)
    other = str(save_tiny(tmp_path / "other", segments=()).folder)
    for another in (newer, other):
        assert kept([a, b], another, out) == [False, False]
        assert kept([a, b], another, out) == [True, True]
    assert kept([a, b], other, out, series="1.2.3") == [False, False]


@pytest.mark.parametrize(
    "damage",
    [
        lambda out: (out / "a.seg.nrrd").unlink(),
        lambda out: (out / "a.seg.nrrd").write_bytes((out / "a.seg.nrrd").read_bytes()[:-1]),
        lambda out: (out / "a.seg.nrrd").write_bytes((out / "b.seg.nrrd").read_bytes() + b" "),
        lambda out: (out / "a.json").unlink() or (out / "a.seg.nrrd").unlink(),
        lambda out: (out / "a.json").write_text(
            json.dumps({"input": json.loads((out / "a.json").read_text("utf-8"))["input"], "series": None})
        ),
    ],
    ids=["segmentation gone", "segmentation cut off", "another segmentation", "all gone", "report of an older version"],
)
def test_a_result_that_is_not_whole_is_made_again(folder, model, tmp_path, damage):
    inputs = [folder / "a.png", folder / "b.png"]
    kept(inputs, model, tmp_path / "out")
    whole = without_times(tmp_path / "out")
    damage(tmp_path / "out")
    assert kept(inputs, model, tmp_path / "out") == [False, True]
    assert without_times(tmp_path / "out") == whole
    assert kept(inputs, model, tmp_path / "out") == [True, True]


def test_a_result_that_is_whole_is_kept_and_what_a_kill_left_of_it_is_removed(folder, model, tmp_path):
    kept([folder / "a.png"], model, tmp_path / "out")
    left = unfinished_report(tmp_path / "out", "a")  # as of a process killed just before it would have removed it
    left.write_bytes((tmp_path / "out" / "a.json").read_bytes())
    assert kept([folder / "a.png"], model, tmp_path / "out") == [True]
    assert not left.exists()


def test_a_change_of_one_slice_or_of_a_headers_voxels_is_noticed(tmp_path, model):
    series = write_series(tmp_path / "series", volume(3), oblique_affine())
    header = write_volume(tmp_path / "head.mhd", volume(), oblique_affine())
    for path, changed in ((series, series / "IM0002.dcm"), (header, tmp_path / "head.raw")):
        assert kept([path], model, tmp_path / "out") == [False]
        assert kept([path], model, tmp_path / "out") == [True]
        os.utime(changed, (1, 1))
        assert kept([path], model, tmp_path / "out") == [False]


@pytest.mark.parametrize("kind", ["ElementDataFile", "data file", "list"])
def test_voxels_in_a_file_of_any_name_are_watched_too(tmp_path, kind):
    size, nrrd = "8 8 4", "NRRD0004\ntype: uchar\ndimension: 3\nencoding: raw\n"
    head = {
        "ElementDataFile": f"DimSize = {size}\nElementType = MET_UCHAR\nElementDataFile = other.bin\n",
        "data file": f"{nrrd}sizes: {size}\ndata file: other.bin\n",
        "list": f"{nrrd}sizes: {size}\ndata file: LIST 3\nother.bin\n",
    }[kind]
    header = tmp_path / ("x.mhd" if kind == "ElementDataFile" else "x.nhdr")
    header.write_text(head)
    before = input_state(header)
    (tmp_path / "other.bin").write_bytes(bytes(256))
    after = input_state(header)
    assert (before["files"], after["files"], after["bytes"]) == (1, 2, len(head) + 256)


def test_without_the_option_every_case_is_predicted_again(folder, model, tmp_path):
    inputs = [folder / "a.png"]
    kept(inputs, model, tmp_path / "out")
    before = times(tmp_path / "out")
    assert [outcome.kept for outcome in predict_files(inputs, model, tmp_path / "out", device="cpu")] == [False]
    assert times(tmp_path / "out") != before


def test_the_temporary_files_of_a_killed_process_are_removed_and_no_others(folder, model, tmp_path):
    out = tmp_path / "out"
    kept([folder / "a.png"], model, out)
    mine = {".notes.json", f".{'g' * 32}.nrrd", f"{'0' * 32}.nrrd", f".{'0' * 32}.txt", "b.nrrd"}
    for name in (*mine, *(f".{'0' * 32}.{suffix}" for suffix in ("nrrd", "json", "csv", "job"))):
        (out / name).touch()
    os.utime(out / f".{'0' * 32}.job", (1, 1))
    kept([folder / "a.png"], model, out)
    assert {path.name for path in out.iterdir()} == {*mine, "a.json", "a.seg.nrrd"}


def test_a_job_that_runs_in_the_same_folder_keeps_its_mark_and_its_temporary_files(folder, model, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    files = [out / f".{'0' * 32}.{suffix}" for suffix in ("job", "nrrd")]
    for file in files:
        file.touch()
    kept([folder / "a.png"], model, out)
    assert sorted(path.name for path in out.iterdir()) == [*sorted(file.name for file in files), "a.json", "a.seg.nrrd"]


def test_failed_cases_are_tried_again(folder, model, tmp_path, capsys):
    (folder / "b.png").write_text("no image")
    for code, words in ((1, "1 of 5 inputs failed."), (1, "4 of 5 results existed already")):
        assert main([*arguments(folder, model, tmp_path / "out"), "--resume"]) == code
        assert words in capsys.readouterr().err
    write_picture(folder / "b.png", np.arange(1600, dtype=np.uint16).reshape(40, 40))
    assert main([*arguments(folder, model, tmp_path / "out"), "--resume"]) == 0
    assert [row["status"] for row in rows(tmp_path / "out")] == ["done"] * 5


def test_a_list_may_be_given_in_place_of_inputs_or_beside_them(folder, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (tmp_path / "list.txt").write_text("b.png\nc.png\n")
    given = arguments(folder / "d.png", model, tmp_path / "out")
    assert main([*given, "--list", str(tmp_path / "list.txt")]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == ["d", "b", "c"]
    given.pop(1)
    assert main([*given, "--list", str(tmp_path / "list.txt"), "--resume"]) == 0
    assert "2 of 2 results existed already" in capsys.readouterr().err
    assert [row["case"] for row in rows(tmp_path / "out")] == ["d", "b", "c"]
