"""Masks for a training set whose files name their segments: without a model, the values of several say nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.generated_dataset import write_pixels
from helpers.named_masks import write_named
from resformer_unet.cli.main import main
from resformer_unet.data.dataset import load_dataset, read_case_image, read_case_mask
from resformer_unet.model.catalog import find_model

SHAPE = (3, 16, 20)


def disc() -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[:, 4:9, 5:12] = 1
    return mask


def named_segments(folder: Path, voxels: np.ndarray, *segments: tuple) -> list[str]:
    """Options that collect a volume with this mask, whose segments are (id, name, layer, value)."""
    picture = write_pixels(folder / "scan.nrrd", np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.int16))
    mask = write_named(folder / "scan.seg.nrrd", voxels, segments, like=picture)
    return [str(folder / "set"), "--image", str(picture), "--mask", str(mask), "--patient", "1", "--label", "NOR"]


def collected(folder: Path) -> np.ndarray:
    [case] = load_dataset(folder / "set")
    return read_case_mask(case, read_case_image(case))


def test_a_mask_with_several_named_segments_gets_the_values_of_the_model(tmp_path):
    renumbered = disc() * 2
    renumbered[1, 10:13, 2:6] = 1
    options = named_segments(tmp_path, renumbered, ("rv", "RV", 0, 2), ("lv", "LV", 0, 1))
    assert main(["collect", *options, "--model", "cardiac-mr"]) == 0
    assert np.array_equal(collected(tmp_path), np.array([0, 3, 1], np.uint8)[renumbered])


def test_segments_that_overlap_cannot_be_collected(tmp_path, capsys):
    both = np.stack([disc(), disc()], axis=-1)
    options = named_segments(tmp_path, both, ("rv", "RV", 0, 1), ("lv", "LV", 1, 1))
    assert main(["collect", *options, "--model", "cardiac-mr"]) == 1
    assert "overlap in 105 voxels" in capsys.readouterr().err


def test_a_mask_with_one_named_segment_needs_no_model(tmp_path):
    assert main(["collect", *named_segments(tmp_path, disc() * 5, ("Segment_1", "Tumour", 0, 5))]) == 0
    assert np.array_equal(collected(tmp_path), disc() * 5)


@pytest.mark.parametrize("left", [["rv", "lv"], ["lv"]])
def test_names_alone_tell_the_installed_model_whose_values_the_segments_get(tmp_path, capsys, left):
    stored = {"rv": disc() * 2, "lv": np.roll(disc(), 8, axis=2)}
    rows = {"rv": ("rv", "RV", 0, 2), "lv": ("Segment_7", "Left ventricle", 0, 1)}
    options = named_segments(tmp_path, sum(stored[name] for name in left), *(rows[name] for name in left))
    assert main(["collect", *options]) == 0
    assert "those of the model cardiac-mr" in capsys.readouterr().err
    values = {"rv": 1, "lv": 3}
    assert np.array_equal(collected(tmp_path), sum((stored[name] != 0) * values[name] for name in left))


def test_segments_that_no_model_has_need_one(tmp_path, capsys):
    options = named_segments(
        tmp_path, disc() + (np.roll(disc(), 8, axis=2) * 2), ("a", "Kidney", 0, 1), ("b", "Spleen", 0, 2)
    )
    assert main(["collect", *options]) == 1
    assert "“Kidney”, “Spleen”" in (said := capsys.readouterr().err) and "--model" in said


def test_two_models_that_number_the_same_names_otherwise_decide_nothing(tmp_path, capsys, monkeypatch):
    source = find_model("cardiac-mr").folder
    copy = tmp_path / "models" / "other"
    shutil.copytree(source, copy)
    descriptor = json.loads((copy / "model.json").read_text(encoding="utf-8"))
    descriptor["id"] = "other"
    monkeypatch.setenv("RESFORMER_UNET_MODELS", str(tmp_path / "models"))
    options = named_segments(tmp_path, disc(), ("lv", "LV", 0, 1), ("rv", "RV", 0, 2))
    for change, code in ((0, 0), (1, 1)):  # the same values in both models; others in the second one
        for segment in descriptor["segmentation"]["segments"]:
            segment["value"] += change
        (copy / "model.json").write_text(json.dumps(descriptor), encoding="utf-8")
        assert main(["collect", *options]) == code, capsys.readouterr().err
        if code == 0:
            assert main(["collect", options[0], "--remove", "case-0001"]) == 0
    assert "--model" in capsys.readouterr().err


def test_values_that_the_model_has_no_segment_for_are_not_collected(tmp_path, capsys):
    picture = write_pixels(tmp_path / "scan.nrrd", np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.int16))
    mask = write_pixels(tmp_path / "mask.nrrd", (disc() * 5).astype(np.uint8))
    options = [str(tmp_path / "set"), "--image", str(picture), "--mask", str(mask), "--patient", "1"]
    assert main(["collect", *options, "--model", "cardiac-mr"]) == 1
    assert "values [5]" in capsys.readouterr().err and not (tmp_path / "set").exists()
    assert main(["collect", *options, "--model", "brain-tumor-mr"]) == 0  # a single segment may have any
    assert np.array_equal(collected(tmp_path), disc() * 5)


def test_a_diagnosis_that_the_model_does_not_know_is_not_collected(tmp_path, capsys):
    options = named_segments(tmp_path, disc(), ("Segment_1", "Tumour", 0, 1))
    assert main(["collect", *options, "--model", "brain-tumor-mr"]) == 1
    assert "no diagnosis “NOR”" in (said := capsys.readouterr().err) and "glioma" in said
    assert not (tmp_path / "set").exists()
