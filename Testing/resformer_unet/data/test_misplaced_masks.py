"""Masks that belong to no case by their names, and pictures that viewers show turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from helpers.generated_dataset import write_discs
from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.dataset import load_dataset, misnamed_masks, read_case_image, read_case_mask
from resformer_unet.errors import EngineError

FEW = {"train": 2, "val": 1, "test": 1}


def renamed(folder: Path, new_name) -> Path:
    for path in (folder / "masks").iterdir():
        path.rename(path.with_name(new_name(path)))
    return folder


@pytest.mark.parametrize(
    "new_name",
    [
        lambda path: f"{path.stem}_segmentation.png",
        lambda path: f"{path.stem}_mask.png",
        lambda path: f"{path.stem}_mask_1.png",
        lambda path: f"{path.stem}-seg.nii.gz",
        lambda path: path.name.upper(),
        lambda path: f"{path.stem}.gif",
    ],
)
def test_masks_that_are_called_otherwise_than_their_cases_are_an_error_and_not_ignored(tmp_path, new_name):
    data = renamed(write_discs(tmp_path, FEW), new_name)
    (finding,) = [one for one in check_data(data).errors if one.code == "MASK_MISNAMED"]
    assert finding.what.startswith("4 of 4 files in masks/") and len(finding.cases) == 4
    assert "test-0.png" in finding.fix
    assert "MASK_WITHOUT_ROW" not in {one.code for one in check_data(data).findings}
    with pytest.raises(EngineError) as caught:
        load_dataset(data)
    assert caught.value.code == "MASK_MISNAMED"


def test_masks_of_which_none_belongs_to_a_case_are_an_error(tmp_path):
    data = renamed(write_discs(tmp_path, FEW), lambda path: f"lesion{hash(path.stem)}.png")
    (finding,) = [one for one in check_data(data).errors if one.code == "MASK_MISNAMED"]
    assert finding.what.startswith("None of the 4 files")


def test_a_stray_mask_beside_those_of_the_cases_is_a_warning_only(tmp_path):
    data = write_discs(tmp_path, FEW)
    (data / "masks" / "train-0.png").rename(data / "masks" / "other.png")
    report = check_data(data)
    assert "MASK_WITHOUT_ROW" in {one.code for one in report.findings}
    assert "MASK_MISNAMED" not in {one.code for one in report.findings} and len(load_dataset(data)) == 4


def test_a_case_that_has_its_mask_is_not_meant_by_another():
    masks = {name: Path(f"{name}.png") for name in ("a", "a_mask", "b_c_seg", "d")}
    assert misnamed_masks(["a", "b", "b_c"], masks) == {"b_c_seg": "b_c"}


def test_pictures_that_viewers_turn_are_learnt_from_as_shown_and_named(tmp_path):
    data = write_discs(tmp_path, FEW, suffix=".png")
    path = data / "images" / "train-0.png"
    shown = np.asarray(PIL.Image.open(path))
    exif = PIL.Image.Exif()
    exif[0x112] = 3
    PIL.Image.fromarray(shown[::-1, ::-1]).save(path, exif=exif)
    (warning,) = [one for one in check_data(data).findings if one.code == "EXIF_ORIENTATION"]
    assert warning.cases == ("train-0",) and not warning.error and "as viewers show them" in warning.fix
    case = next(case for case in load_dataset(data) if case.id == "train-0")
    image = read_case_image(case)
    assert np.array_equal(image.voxels[0, ..., 0], shown)
    disc = read_case_mask(case, image)[0] > 0
    assert abs(shown[disc].mean() - shown[~disc].mean()) > 10
