"""Random variations of training slices: together for image and mask, and the same for the same seed."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.errors import EngineError
from resformer_unet.training.input.arrays import UNKNOWN, SliceArrays
from resformer_unet.training.input.augmentation import LesionInpainting, build_augmentation
from resformer_unet.training.input.loaders import make_loaders
from resformer_unet.training.setup.recipe import Augmentation, Recipe

INPUT = {"size": [32, 32], "intensity": {"std": [1.0]}}


def samples(count: int = 12) -> SliceArrays:
    masks = torch.zeros(count, 1, 32, 32, dtype=torch.uint8)
    masks[:, :, 12:18, 10:15] = 1
    images = torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(0)).half()
    return SliceArrays(images + masks.half(), masks, torch.ones(count, dtype=bool), torch.arange(count) % 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_augmentation_follows_from_the_random_seed_alone_and_each_process_has_its_own(workers):
    def batches() -> list[torch.Tensor]:
        vary = build_augmentation(Augmentation(noise=0.5, lesion_inpainting=0.3), INPUT, seed=1)
        arrays = samples()
        arrays = SliceArrays(arrays.images * 0, arrays.masks, arrays.has_mask, arrays.labels, vary)
        return [batch["image"] for batch in make_loaders(arrays, samples(2), Recipe(batch_size=4, seed=1), workers)[0]]

    first, second = batches(), batches()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a, b) for index, a in enumerate(first) for b in first[index + 1 :])


def test_augmentation_keeps_image_and_mask_together():
    vary = build_augmentation(Augmentation(transpose=0.5, noise=0, contrast=0, brightness=0, blur=0), INPUT, seed=0)
    arrays = samples()
    arrays = SliceArrays(arrays.masks.half(), arrays.masks, arrays.has_mask, arrays.labels, vary)
    changed = 0
    for index in range(len(arrays)):
        sample = arrays[index]
        assert sample["mask"].unique().tolist() in ([0, 1], [0])
        assert ((sample["image"] > 0.5).float() - sample["mask"]).abs().mean() < 0.02
        changed += not torch.equal(sample["mask"], arrays.masks[index].float())
    assert changed > len(arrays) / 2


def erased(sample: dict, seed: int = 0) -> dict:
    return LesionInpainting(prob=0.5).set_random_state(seed)(sample)


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


def test_brightness_and_noise_are_fractions_of_the_intensity_range_whatever_the_scaling():
    settings = Augmentation(flip_columns=0, rotation=0, scale=0, shift=0, contrast=0, brightness=0.1, noise=0, blur=0)
    for std in (1.0, 0.2):
        vary = build_augmentation(settings, {"size": [32, 32], "intensity": {"std": [std]}}, seed=0)
        black = {**sample(), "image": torch.zeros(1, 64, 64)}
        offsets = [vary(black, 0, index)["image"].abs().max() * std for index in range(40)]
        assert 0.05 < max(offsets) <= 0.1


def test_only_square_pictures_are_transposed():
    with pytest.raises(EngineError) as caught:
        build_augmentation(Augmentation(transpose=0.3), {**INPUT, "size": [32, 48]}, seed=0)
    assert caught.value.code == "RECIPE_INVALID" and "32 x 48" in str(caught.value)
