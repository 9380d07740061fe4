"""Lesions that are replaced by tissue, and regions beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.training.input.arrays import UNKNOWN
from resformer_unet.training.input.augmentation.inpainting import inpaint_lesion


def erased(sample: dict, seed: int = 0) -> dict:
    return inpaint_lesion(sample, np.random.default_rng(seed))


def sample(mask: bool = True, has_mask: bool = True) -> dict:
    picture = torch.zeros(1, 64, 64)
    lesion = torch.zeros(1, 64, 64)
    lesion[:, 20:30, 24:34] = 1
    image = picture + 3 * lesion
    return {
        "image": image, "mask": lesion * mask, "has_mask": torch.tensor(has_mask), "label": torch.tensor(1)
    }  # fmt: skip


def test_inpainting_replaces_a_lesion_and_empties_its_mask_or_leaves_both():
    emptied = 0
    for seed in range(20):
        before = sample()
        after = erased(before, seed)
        assert before["mask"].any() and before["image"].max() == 3  # the stored sample is not touched
        if after["mask"].any():
            assert torch.equal(after["mask"], before["mask"]) and after["label"] == 1
            assert after["image"][before["mask"] > 0].min() == 3  # what was painted lies beside the lesion
        else:
            emptied += 1
            assert after["label"] == UNKNOWN and after["has_mask"]
            assert after["image"].max() < 0.01
    assert 4 <= emptied <= 16


@pytest.mark.parametrize("lacking", [{"mask": False}, {"has_mask": False}])
def test_inpainting_does_not_change_pictures_without_a_segmented_lesion(lacking):
    for seed in range(10):
        before = sample(**lacking)
        after = erased(before, seed)
        assert torch.equal(after["image"], before["image"]) and after["label"] == 1
