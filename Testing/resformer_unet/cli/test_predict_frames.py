"""Sequences on the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest

from helpers.sequences import write_nifti
from helpers.synthetic_images import write_volume
from helpers.tiny_heart import save_heart
from resformer_unet.cli.main import main
from resformer_unet.cli.predict_frames import heart_sentence

AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("models") / "heart"
    save_heart(folder)
    return str(folder)


@pytest.fixture
def cine(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (4, 3, 40, 36), np.int16)
    return write_nifti(tmp_path / "cine.nii.gz", frames, AFFINE)


def predict(*arguments, model: str, output) -> int:
    return main(["predict", *map(str, arguments), "--model", model, "--output", str(output), "--device", "cpu"])


def test_all_frames_of_a_cine_are_predicted_and_summed_up_in_a_line(model, cine, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict(cine, "--frames", "all", "--height", 170, "--weight", 60, model=model, output=out) == 0
    report = json.loads((out / "cine.json").read_text("utf-8"))
    assert len(report["frames"]) == 4 and report["heart"]["body"]["surface_m2"] == pytest.approx(1.6833, abs=1e-4)
    assert report["options"]["frames"] == "all" and report["options"]["height_cm"] == 170
    printed = capsys.readouterr()
    assert printed.out.splitlines() == ["cine: 4 of 4 frames", f"  {heart_sentence(report['heart'])}"]
    assert "FEW_FRAMES" in [row["code"] for row in report["heart"]["warnings"]] and "only 4 frames" in printed.err


def test_phases_may_be_chosen(model, cine, tmp_path):
    assert predict(cine, "--frames", "all", model=model, output=tmp_path / "a") == 0
    curve = json.loads((tmp_path / "a" / "cine.json").read_text("utf-8"))["heart"]["curves"]["lv_ml"]
    order = np.argsort(curve)
    chosen = ("--end-diastole", order[2], "--end-systole", order[1])
    assert predict(cine, "--frames", "all", *chosen, model=model, output=tmp_path / "b") == 0
    heart = json.loads((tmp_path / "b" / "cine.json").read_text("utf-8"))["heart"]
    assert (heart["end_diastole"], heart["end_systole"]) == (order[2], order[1])


def test_a_single_volume_fails_and_the_sequence_beside_it_does_not(model, cine, tmp_path, capsys):
    alone = write_volume(tmp_path / "alone.nii.gz", np.arange(4800, dtype=np.int16).reshape(3, 40, 40), AFFINE)
    assert predict(alone, cine, "--frames", "0-1", model=model, output=tmp_path / "out") == 1
    assert {path.name.split(".")[0] for path in (tmp_path / "out").iterdir()} == {"cine"}
    assert "alone.nii.gz: “alone.nii.gz” is a single image, not a sequence of frames." in capsys.readouterr().err


def test_without_a_choice_of_frames_a_cine_is_refused_with_what_to_do(model, cine, tmp_path, capsys):
    assert predict(cine, model=model, output=tmp_path / "out") == 1
    assert "--frames all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frames", "all", "--patient", "Jo"], "--patient"),
        (["--frames", "all", "--resume"], "--resume"),
        (["--frames", "all", "--cluster", "tcp://x"], "--cluster"),
        (["--frames", "all", "--report", "html"], "--report"),
        (["--height", "170"], "--frames"),
        (["--end-systole", "3"], "--frames"),
        (["--frames", "all", "--end-systole", "x"], "number of a frame"),
        (["--frames", "all", "--height", "9"], "at least 30"),
    ],
)
def test_arguments_that_do_not_go_together_are_wrong_usage(model, cine, tmp_path, capsys, arguments, words):
    with pytest.raises(SystemExit) as caught:
        predict(cine, *arguments, model=model, output=tmp_path / "out")
    assert caught.value.code == 2 and words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_frames_that_are_not_there_are_an_error(model, cine, tmp_path, capsys):
    assert predict(cine, "--frames", "3-9", model=model, output=tmp_path / "out") == 1
    assert "frames 0 to 3" in capsys.readouterr().err


def test_an_ordinary_prediction_beside_the_sequences_takes_no_notice_of_it(model, cine, tmp_path):
    out = tmp_path / "out"
    assert predict(cine, "--frames", "all", model=model, output=out) == 0
    before = (out / "cine.json").read_bytes()
    volume = write_volume(tmp_path / "cine.nrrd", np.arange(4800, dtype=np.int16).reshape(3, 40, 40), AFFINE)
    assert predict(volume, model=model, output=out) == 0
    assert (out / "cine.json").read_bytes() == before and (out / "cine-2.json").exists()
