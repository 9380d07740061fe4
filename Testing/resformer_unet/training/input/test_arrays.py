"""From a data set to the arrays that are trained on: splits without a common patient, slices as prediction has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.generated_dataset import write_discs, write_pixels, write_table
from helpers.tiny_model import tiny_descriptor

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.data.dataset import load_dataset
from resformer_unet.data.splits import Splits
from resformer_unet.training.input.arrays import UNKNOWN, load_arrays


def as_volume(picture, mask):
    return np.stack([picture, picture // 2, picture]), np.stack([mask, mask, 0 * mask])


def test_no_patient_is_in_two_splits(tmp_path):
    rows = [
        {"id": name, "label": "x", "split": split, "group": group}
        for name, split, group in (
            ("a", "train", "p1"), ("b", "train", "p2"), ("c", "val", "p2"), ("d", "val", "p3"), ("e", "test", "p3"),
            ("f", "train", "p3"), ("g", "val", "p4"), ("h", "train", "p5"),
        )
    ]  # fmt: skip
    for row in rows:
        write_pixels(tmp_path / "images" / f"{row['id']}.png", np.zeros((4, 4), np.uint8))
    splits = Splits.load(write_table(tmp_path, rows))
    assert [[case.id for case in cases] for cases in (splits.train, splits.val, splits.test)] == [
        ["a", "h"], ["c", "g"], ["e"]
    ]  # fmt: skip


def test_slices_are_prepared_as_in_prediction_and_know_what_is_missing(tmp_path):
    data = write_discs(tmp_path / "data", {"train": 3}, change=as_volume, suffix=".nii.gz")
    (data / "masks" / "train-1.nii.gz").unlink()
    table = (data / "labels.csv").read_text().replace("train-2,benign", "train-2,never heard of")
    (data / "labels.csv").write_text(table)
    told = []
    arrays = load_arrays(load_dataset(data), tiny_descriptor(), progress=lambda *counts: told.append(counts))
    assert arrays.images.shape == (9, 1, 32, 32) and arrays.images.dtype == torch.float16
    assert arrays.masks.shape == (9, 1, 32, 32) and arrays.masks.unique().tolist() == [0, 1]
    assert arrays.has_mask.tolist() == [True] * 3 + [False] * 3 + [True] * 3
    assert arrays.labels.tolist() == [0] * 3 + [1] * 3 + [UNKNOWN] * 3
    assert not arrays.masks[2].any() and arrays.masks[0].any()  # the third slice has an empty mask
    assert told == [(1, 3), (2, 3), (3, 3)]
