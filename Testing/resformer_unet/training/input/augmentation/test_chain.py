"""Augmentation of training slices as a whole: together for image and mask, and the same for the same seed."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.errors import EngineError
from resformer_unet.training.input.arrays import SliceArrays
from resformer_unet.training.input.augmentation.chain import build_augmentation
from resformer_unet.training.input.loaders import make_loaders
from resformer_unet.training.setup.augmentation import Augmentation
from resformer_unet.training.setup.recipe import Recipe

OFF = {entry.name: 0 for entry in fields(Augmentation)}
FIXED = {"method": "fixed", "lower": 0, "upper": 255, "ignore": None, "mean": [0.0], "std": [1.0]}
BY_SLICE = {"method": "percentile", "scope": "slice", "lower": 0.5, "upper": 99.5, "mean": [0.3], "std": [0.2]}
INPUT = {"size": [32, 32], "intensity": FIXED}
GEOMETRY = {"flip_rows", "flip_columns", "transpose", "rotation", "scale", "shift", "zoom", "lesion_inpainting"}
BATCHES = {"mixup", "cutmix"}
RGB_ONLY = {"hue", "saturation"}
HEAD_ONLY = {"skull_stripping"}


def samples(count: int = 12) -> SliceArrays:
    masks = torch.zeros(count, 1, 32, 32, dtype=torch.uint8)
    masks[:, :, 12:18, 10:15] = 1
    images = torch.rand(count, 1, 32, 32, generator=torch.Generator().manual_seed(0)).half()
    return SliceArrays(images + masks.half(), masks, torch.ones(count, dtype=bool), torch.arange(count) % 2)


def disc(channels: int = 1, size: int = 64, padding: int = 0) -> dict:
    """A textured grey picture between 0 and 1 with a disc, and letterbox padding of rows above and below."""
    random = np.random.default_rng(0)
    grid = np.arange(size) - size / 2
    inside = torch.from_numpy((np.hypot(grid[:, None] + 6, grid - 4) < size / 6).astype(np.float32))[None]
    image = torch.from_numpy(random.uniform(0.2, 0.5, (channels, size, size)).astype(np.float32)) + 0.4 * inside
    if padding:
        image[:, :padding] = image[:, -padding:] = 0
    return {"image": image, "mask": inside, "has_mask": torch.tensor(True), "label": torch.tensor(1)}


def augmented(sample: dict, settings: dict, intensity: dict = FIXED, index: int = 0) -> dict:
    size = list(sample["image"].shape[1:])
    channels = len(sample["image"])
    intensity = {**intensity, "mean": intensity["mean"] * channels, "std": intensity["std"] * channels}
    return build_augmentation(Augmentation(**{**OFF, **settings}), {"size": size, "intensity": intensity}, 0)(
        sample, 0, index
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_augmentation_follows_from_the_random_seed_alone_and_each_process_has_its_own(workers):
    def batches() -> list[torch.Tensor]:
        settings = Augmentation(noise=0.5, lesion_inpainting=0.3, brightness=0.5)
        vary = build_augmentation(settings, INPUT, seed=1)
        arrays = samples()
        arrays = SliceArrays(arrays.images * 0 + 0.5, arrays.masks, arrays.has_mask, arrays.labels, vary)
        return [batch["image"] for batch in make_loaders(arrays, samples(2), Recipe(batch_size=4, seed=1), workers)[0]]

    first, second = batches(), batches()
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not any(torch.equal(a, b) for index, a in enumerate(first) for b in first[index + 1 :])


def test_augmentation_keeps_image_and_mask_together():
    settings = {"transpose": 0.5, "flip_columns": 0.5, "rotation": 20, "scale": 0.2, "shift": 0.08, "zoom": 0.5}
    for intensity in (FIXED, BY_SLICE):
        changed = 0
        for index in range(12):
            before = disc()
            before["image"] = (before["mask"] - intensity["mean"][0]) / intensity["std"][0]
            after = augmented(before, settings, intensity, index)
            assert after["mask"].unique().tolist() == [0, 1]
            white = after["image"] * intensity["std"][0] + intensity["mean"][0] > 0.5
            assert (white.float() - after["mask"]).abs().mean() < 0.02
            changed += not torch.equal(after["mask"], before["mask"])
        assert changed > 8


def test_with_everything_off_a_sample_stays_as_it_is():
    before = disc(3)
    after = augmented(before, {})
    assert torch.allclose(after["image"], before["image"], atol=1e-5)
    assert torch.equal(after["mask"], before["mask"]) and after["label"] == 1


@pytest.mark.parametrize("name", sorted(OFF.keys() - GEOMETRY - HEAD_ONLY - BATCHES))
def test_each_change_of_intensities_varies_the_image_and_leaves_the_mask_and_the_sample_alone(name):
    before = disc(3)
    copy = before["image"].clone()
    most = next(entry for entry in fields(Augmentation) if entry.name == name).metadata["kind"].maximum
    results = [augmented(before, {name: most}, index=index) for index in range(8)]
    assert any((result["image"] - copy).abs().max() > 0.02 for result in results)
    assert all(torch.equal(result["mask"], before["mask"]) for result in results)
    assert all(result["image"].isfinite().all() and result["image"].shape == copy.shape for result in results)
    assert torch.equal(before["image"], copy)
    assert not all(torch.equal(result["image"], results[0]["image"]) for result in results[1:])


@pytest.mark.parametrize("name", sorted(OFF.keys() - GEOMETRY - RGB_ONLY - HEAD_ONLY - BATCHES - {"borders"}))
def test_the_padding_of_a_letterbox_stays_what_it_is_for_prediction(name):
    before = disc(padding=8)
    for index in range(6):
        after = augmented(before, {name: 0.5}, {**FIXED, "mean": [0.3], "std": [0.2]}, index)
        assert not after["image"][:, :8].any() and not after["image"][:, -8:].any() and after["image"].any()


def test_a_picture_turned_or_compressed_has_no_dark_edge_to_its_padding():
    before = disc()
    before["image"] = torch.full((1, 64, 64), 0.5)
    for index in range(12):
        settings = {"rotation": 30, "jpeg": 1, "resolution": 1}
        after = augmented(before, settings, {**FIXED, "mean": [0.3], "std": [1.0]}, index)
        assert after["image"].min() > -0.1


def test_black_padding_is_not_told_from_a_black_background():
    before = disc(padding=8)
    before["image"][:, :, :20] = 0
    for index in range(12):
        image = augmented(before, {"brightness": 0.3, "contrast": 0.3}, FIXED, index)["image"]
        assert image[0, 0, 0] == image[0, 30, 10]


def test_a_model_that_scales_each_slice_for_itself_sees_its_training_pictures_scaled_so():
    before = disc()
    before["image"] = (before["image"] - 0.3) / 0.2
    for index in range(8):
        image = augmented(before, {"gain": 1.5, "text": 1}, BY_SLICE, index)["image"] * 0.2 + 0.3
        assert image.min() == pytest.approx(0, abs=1e-5) and image.max() == pytest.approx(1, abs=1e-5)


def test_brightness_is_a_fraction_of_the_intensity_range_whatever_the_scaling():
    for std in (1.0, 0.2):
        black = {**disc(), "image": torch.zeros(1, 64, 64)}
        intensity = {**FIXED, "std": [std]}
        offsets = [augmented(black, {"brightness": 0.1}, intensity, index)["image"].abs().max() for index in range(40)]
        assert 0.05 < max(offsets) * std <= 0.1


def test_noise_is_a_fraction_of_the_intensity_range_whatever_the_scaling():
    for std in (1.0, 0.2):
        grey = {**disc(), "image": torch.full((1, 64, 64), 0.5 / std)}
        intensity = {**FIXED, "std": [std]}
        levels = [augmented(grey, {"noise": 0.1}, intensity, index)["image"].std() * std for index in range(40)]
        assert 0.07 < max(levels) <= 0.103 and min(levels) == 0


def test_only_square_pictures_are_transposed():
    with pytest.raises(EngineError) as caught:
        build_augmentation(Augmentation(transpose=0.3), {**INPUT, "size": [32, 48]}, seed=0)
    assert caught.value.code == "RECIPE_INVALID" and "32 x 48" in str(caught.value)
