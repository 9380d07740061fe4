"""A patient's diagnosis from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.synthetic_images import write_volume
from helpers.tiny_heart import save_heart
from helpers.tiny_model import save_tiny
from resformer_unet.cli.main import main
from resformer_unet.model import catalog


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_tiny(folder / "tiny")
    save_heart(folder / "heart")
    return folder


@pytest.fixture
def phases(models, monkeypatch, tmp_path) -> list[Path]:
    """Two noisy volumes; untrained as it is, the model segments something in noise."""
    monkeypatch.setattr(catalog, "model_folders", lambda: [models])
    affine = np.diag([1.5, 1.5, 8.0, 1.0])
    noise = np.random.default_rng(0).integers(0, 255, (2, 4, 40, 40), np.int16)
    return [
        write_volume(tmp_path / f"{name}.nrrd", voxels, affine)
        for name, voxels in zip(("ED", "ES"), noise, strict=True)
    ]


def predict(*inputs: Path, output: Path, model: str = "heart", patient: str = "Jo") -> int:
    arguments = ["predict", *map(str, inputs), "--model", model, "--output", str(output), "--device", "cpu"]
    return main([*arguments, "--patient", patient])


def test_the_patients_file_lies_beside_those_of_the_images(phases, tmp_path, capsys):
    out = tmp_path / "out"
    assert predict(*phases, output=out) == 0
    assert {path.name for path in out.iterdir()} == {
        "ED.json", "ED.seg.nrrd", "ES.json", "ES.seg.nrrd", "Jo.patient.json"
    }  # fmt: skip
    patient = json.loads((out / "Jo.patient.json").read_text("utf-8"))
    assert patient["patient"] == "Jo" and set(patient["cases"]) == {"ED", "ES"}
    reports = {name: json.loads((out / f"{name}.json").read_text("utf-8")) for name in patient["cases"]}
    volumes = [{row["id"]: row["volume_mm3"] for row in reports[name]["segments"]} for name in patient["cases"]]
    assert volumes[0]["lv"] >= volumes[1]["lv"]
    assert patient["cardiac_function"]["rvedv_ml"] == pytest.approx(volumes[0]["rv"] / 1000)
    assert "not" in patient["not_for_clinical_use"].lower()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Jo: ") and f"{patient['diagnosis']['name']} (probability " in last


def test_one_phase_given_twice_does_not_look_like_a_diagnosis(phases, tmp_path, capsys):
    again = tmp_path / "again.nrrd"
    shutil.copy(phases[0], again)
    assert predict(phases[0], again, output=tmp_path / "out") == 0
    patient = json.loads((tmp_path / "out" / "Jo.patient.json").read_text("utf-8"))
    assert patient["reliable"] is False and "SAME_PHASE" in patient["reasons"]
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].startswith("Jo: NOT RELIABLE (SAME_PHASE")
    assert all(f"  warning: {row['message']}" in said.err for row in patient["warnings"])


@pytest.mark.parametrize(
    ("count", "more", "words"),
    [
        (2, {"model": "tiny"}, "diagnoses single images, not patients"),
        (1, {}, "needs two images"),
        (2, {"patient": "a/b"}, "cannot be part of a file name"),
    ],
)
def test_what_makes_no_patient_is_refused_before_any_work(phases, tmp_path, capsys, count, more, words):
    out = tmp_path / "out"
    assert predict(*phases[:count], output=out, **more) == 1
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_no_patient_is_diagnosed_from_one_image_that_could_be_read(phases, tmp_path, capsys):
    assert predict(phases[0], tmp_path / "absent.nrrd", output=tmp_path / "out") == 1
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"ED.json", "ED.seg.nrrd"}
    assert "absent.nrrd" in capsys.readouterr().err
