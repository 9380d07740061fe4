"""An output folder that goes, fills or is written to by others while images are predicted into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers.synthetic_images import write_picture
from helpers.tiny_model import save_tiny
from resformer_unet.batch import case_files
from resformer_unet.batch.run import predict_files

SHADES = np.arange(40 * 48).reshape(40, 48).astype(np.uint8)


def test_an_output_folder_that_is_removed_costs_the_case_being_written_and_is_named(tmp_path, monkeypatch):
    save_tiny(tmp_path / "model")
    inputs = [write_picture(tmp_path / f"{name}.png", SHADES) for name in ("first", "second")]
    digest = case_files.sha256_of

    def removing(path):
        if not (tmp_path / "removed").exists():
            path.parent.rename(tmp_path / "removed")
        return digest(path)

    monkeypatch.setattr(case_files, "sha256_of", removing)
    outcomes = predict_files(inputs, str(tmp_path / "model"), tmp_path / "out", device="cpu:torch")
    first, second = (outcome.result for outcome in outcomes)
    assert first.code == "OUTPUT_NOT_WRITABLE" and "first" in str(first)
    assert second["case"] == "second"


@pytest.fixture
def listed(monkeypatch) -> list[Path]:
    """The folders whose files have been gone through since."""
    folders, iterdir = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: folders.append(folder) or iterdir(folder))
    return folders


def test_a_new_case_takes_no_longer_for_those_that_lie_in_the_folder(tmp_path, listed):
    save_tiny(tmp_path / "model")
    inputs = [write_picture(tmp_path / f"{name}.png", SHADES) for name in ("first", "second")]
    out = tmp_path / "out"
    assert all(outcome.result["case"] for outcome in predict_files(inputs, str(tmp_path / "model"), out, device="cpu"))
    assert out not in listed
    list(predict_files(inputs, str(tmp_path / "model"), out, device="cpu"))  # here there is something to replace
    assert out in listed


def test_what_another_process_wrote_since_the_run_began_is_replaced_whole(tmp_path):
    save_tiny(tmp_path / "model")
    inputs = [write_picture(tmp_path / f"{name}.png", SHADES) for name in ("first", "second")]
    out = tmp_path / "out"
    outcomes = predict_files(inputs, str(tmp_path / "model"), out, device="cpu")
    next(outcomes)
    for ending in (".json", ".seg.nrrd", ".probability.lesion.nrrd"):
        (out / f"second{ending}").write_text("another process's")
    next(outcomes)
    assert sorted(file.name for file in out.iterdir() if file.name.startswith("second")) == [
        "second.json",
        "second.seg.nrrd",
    ]


def test_a_case_whose_name_looks_like_anothers_sequence_keeps_its_files(tmp_path):
    save_tiny(tmp_path / "model")
    inputs = [write_picture(tmp_path / f"{name}.png", SHADES) for name in ("t1.frames.2", "t1")]
    out = tmp_path / "out"
    for _ in range(2):  # the second time there is an earlier result to replace
        assert all(
            outcome.result["case"] for outcome in predict_files(inputs, str(tmp_path / "model"), out, device="cpu")
        )
        assert {file.name for file in out.iterdir()} == {
            "t1.frames.2.json", "t1.frames.2.seg.nrrd", "t1.json", "t1.seg.nrrd",
        }  # fmt: skip


def test_what_a_sequence_of_the_same_name_left_is_replaced(tmp_path):
    save_tiny(tmp_path / "model")
    out = tmp_path / "out"
    out.mkdir()
    for ending in (".json", ".frames.lesion.seg.nrrd", ".frames.csv"):
        (out / f"t1{ending}").write_text("an earlier sequence's")
    picture = write_picture(tmp_path / "t1.png", SHADES)
    (outcome,) = predict_files([picture], str(tmp_path / "model"), out, device="cpu")
    assert outcome.case == "t1-2"  # what is no report of this package is nobody's to replace
    (out / "t1.json").write_text((out / "t1-2.json").read_text())
    (outcome,) = predict_files([picture], str(tmp_path / "model"), out, device="cpu")
    assert outcome.case == "t1"
    assert {file.name for file in out.iterdir() if not file.name.startswith("t1-2")} == {"t1.json", "t1.seg.nrrd"}
