"""The command line where streams are closed, arguments are empty, and names or files are odd."""

from __future__ import annotations

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from helpers.paths import MODULE_FOLDER
from helpers.synthetic_images import write_picture
from helpers.tiny_model import save_tiny
from resformer_unet.cli.main import main
from resformer_unet.model.catalog import find_model
from resformer_unet.training.setup.recipe import load_recipe


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models") / "tiny").folder


def picture(path: Path) -> Path:
    return write_picture(path, np.random.default_rng(0).integers(0, 255, (32, 40), np.uint8))


@pytest.mark.skipif(os.name == "nt", reason="a shell as on POSIX")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_are_no_failure(closed):
    command = f'"{sys.executable}" -m resformer_unet models {closed}'
    run = subprocess.run(
        command, shell=True, env={**os.environ, "PYTHONPATH": str(MODULE_FOLDER)}, capture_output=True, check=False
    )
    assert run.returncode == 0 and b"Traceback" not in run.stderr


def test_streams_that_python_does_not_have_are_no_failure(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    arguments = ["predict", picture(tmp_path / "x.png"), "--model", tiny, "--output", tmp_path / "out"]
    assert main([str(argument) for argument in arguments]) == 0
    assert (tmp_path / "out" / "x.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "", "--model", "tiny", "--output", "out"],
        ["predict", "x.png", "--model", "tiny", "--output", ""],
        ["predict", "--list", " ", "--model", "tiny", "--output", "out"],
        ["check-data", ""],
        ["train", "set", "--output", ""],
        ["export", "tiny", "--output", ""],
    ],
)
def test_an_empty_path_is_not_the_current_folder(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2 and "must not be empty" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["evaluate", "set", "--model", "tiny"], ["export", "tiny"]])
def test_a_folder_in_the_place_of_a_file_to_write_is_named(tiny, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    words = [str(tiny) if word == "tiny" else word for word in command]
    assert main([*words, "--output", "."]) == 1
    assert "is a folder" in capsys.readouterr().err


def test_a_recipe_and_a_model_description_may_begin_with_a_byte_order_mark(tiny, tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"descriptor": None, "training": {"epochs": 3}}), encoding="utf-8-sig")
    assert load_recipe(str(recipe)).epochs == 3
    description = tiny / "model.json"
    description.write_text(description.read_text("utf-8"), encoding="utf-8-sig")
    assert find_model(str(tiny)).id


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on POSIX")
def test_odd_files_cost_their_own_rows_only(tiny, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    picture(folder / "a.png")
    with tifffile.TiffWriter(folder / "b_slide.tif") as tiff:
        for side in (96, 48, 20):
            tiff.write(np.zeros((side, side + 9, 3), np.uint8), photometric="rgb", metadata=None)
    picture(folder / "c.png").rename(folder / os.fsdecode(b"M\xfcller.png"))
    output = tmp_path / os.fsdecode(b"Ergebni\xdf")
    assert main(["predict", str(folder), "--model", str(tiny), "--output", str(output)]) == 1
    with (output / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    statuses = [(row["status"], row["error"]) for _, row in sorted(rows.items(), key=lambda item: item[1]["input"])]
    assert sorted(statuses) == [("done", ""), ("done", ""), ("failed", "MIXED_PAGES")]
    report = json.loads((output / os.fsdecode(b"M\xfcller.json")).read_bytes())
    assert os.fsencode(report["input"]).endswith(b"/M\xfcller.png")
    capsys.readouterr()
    assert main(["predict", str(folder), "--model", str(tiny), "--output", str(output), "--resume"]) == 1
    assert "2 of 3 results existed already" in capsys.readouterr().err


def test_the_command_that_a_training_suggests_can_be_pasted(monkeypatch, capsys, tmp_path):
    bundle = SimpleNamespace(descriptor={"results": []}, folder=tmp_path / "my model's")
    training = SimpleNamespace(train=lambda *arguments, **settings: bundle)  # the real one loads Lightning
    monkeypatch.setitem(sys.modules, "resformer_unet.training.train", training)
    assert main(["train", str(tmp_path), "--output", "x"]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert words[:4] == ["resformer-unet", "predict", "IMAGE", "--model"] and words[4] == str(bundle.folder)
