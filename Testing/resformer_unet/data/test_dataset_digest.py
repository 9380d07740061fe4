"""The digest of a data set tells every change that matters to a training, and none that a copy makes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.generated_dataset import write_discs, write_pixels
from helpers.nobody import as_nobody
from resformer_unet.data.dataset import Case, load_dataset
from resformer_unet.data.dataset_digest import dataset_digest
from resformer_unet.errors import EngineError


def digest(folder: Path) -> str:
    return dataset_digest(load_dataset(folder))


@pytest.fixture
def discs(tmp_path) -> Path:
    return write_discs(tmp_path / "discs", {"train": 4, "val": 2, "test": 2})


def test_a_copy_is_the_same_data_set(discs, tmp_path):
    copy = shutil.copytree(discs, tmp_path / "elsewhere" / "copy")
    for file in copy.rglob("*"):
        os.utime(file, (0, 0))
    assert digest(copy) == digest(discs) and len(digest(copy)) == 64
    cases = load_dataset(discs)
    assert dataset_digest(reversed(cases)) == dataset_digest(cases)


def swapped(text: str, old: str, new: str) -> str:
    assert old in text and new in text
    return text.replace(old, "\0").replace(new, old).replace("\0", new)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder, text: swapped(text, "train-0", "test-0"),
        lambda folder, text: text.replace(",val,", ",test,"),
        lambda folder, text: text.replace("benign", "malignant", 1),
        lambda folder, text: text[: text.rstrip().rfind("\n") + 1],
        lambda folder, text: (folder / "masks" / "train-1.png").unlink(),
        lambda folder, text: shutil.copy(folder / "masks" / "train-0.png", folder / "masks" / "train-1.png"),
        lambda folder, text: shutil.copy(folder / "images" / "test-0.png", folder / "images" / "train-1.png"),
    ],
    ids=["exchanged", "split", "label", "removed", "mask gone", "another mask", "another image"],
)
def test_every_change_of_table_images_or_masks_gives_another_digest(discs, change: Callable):
    before, table = digest(discs), discs / "labels.csv"
    if isinstance(text := change(discs, table.read_text("utf-8")), str):
        table.write_text(text, "utf-8")
    assert digest(discs) != before


def test_what_a_case_is_counts_beyond_its_files(tmp_path):
    image = write_pixels(tmp_path / "a.png", np.zeros((8, 8), np.uint8))
    case = Case("a", image, None, "x", "train", "p1")
    others = [replace(case, group="p2"), replace(case, pixel_aspect=(3.0, 4.0)), replace(case, mask=image)]
    assert len({dataset_digest([one]) for one in (case, *others)}) == 4


@pytest.mark.parametrize("header", ["a.hdr", "a.mhd", "a.nhdr"])
def test_the_voxels_beside_a_header_count(tmp_path, header):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((8, 8, 8), np.int16)), str(tmp_path / header))
    case = Case("a", tmp_path / header, None, "x", "train", "a")
    before = dataset_digest([case])
    (voxels,) = [file for file in tmp_path.iterdir() if file.name != header]
    voxels.write_bytes(b"\1" + voxels.read_bytes()[1:])
    assert dataset_digest([case]) != before


def test_the_files_of_a_folder_count_and_their_names_do_not(tmp_path):
    (tmp_path / "series").mkdir()
    for number in range(3):
        (tmp_path / "series" / f"{number}.dcm").write_bytes(bytes([number]) * 10)
    case = Case("series", tmp_path / "series", None, "x", "train", "a")
    before = dataset_digest([case])
    (tmp_path / "series" / "0.dcm").rename(tmp_path / "series" / "last.dcm")
    assert dataset_digest([case]) == before
    (tmp_path / "series" / "1.dcm").write_bytes(bytes(10))
    assert dataset_digest([case]) != before


def test_a_file_that_may_not_be_read_is_named(tmp_path):
    image = write_pixels(tmp_path / "a.png", np.zeros((8, 8), np.uint8))
    with pytest.raises(EngineError) as caught:
        dataset_digest([Case("a", tmp_path / "absent.png", None, "x", "train", "a")])
    assert caught.value.code == "FILE_NOT_FOUND"
    image.chmod(0)
    case = Case("a", image, None, "x", "train", "a")
    with as_nobody(), pytest.raises(EngineError) as caught:
        dataset_digest([case])
    assert caught.value.code == "NO_PERMISSION" and "a.png" in caught.value.message
