"""What devices, operators and files do to pictures, one effect at a time."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("PIL", reason="the extra “train” is not installed")

from resformer_unet.training.input.augmentation.artefacts import (
    add_borders,
    add_callipers,
    add_hairs,
    add_text,
    add_vignette,
)
from resformer_unet.training.input.augmentation.intensity import change_intensities
from resformer_unet.training.input.augmentation.sharpness import coarsen, compress, gaussian_blur
from resformer_unet.training.input.augmentation.skull_stripping import strip_skull
from resformer_unet.training.setup.augmentation import Augmentation

OFF = {entry.name: 0 for entry in fields(Augmentation)}


def grey(size: int = 96, channels: int = 1) -> torch.Tensor:
    return torch.full((channels, size, size), 0.4)


def changed(image: torch.Tensor, seed: int, **settings: float) -> torch.Tensor:
    return change_intensities(image, Augmentation(**{**OFF, **settings}), np.random.default_rng(seed))


def test_the_time_gain_changes_with_the_depth_alone():
    results = [changed(grey(), seed, time_gain=0.8) for seed in range(12)]
    assert all(torch.equal(result, result[:, :, :1].expand_as(result)) for result in results)
    assert sum(float(result.std()) > 0.02 for result in results) > 3


def test_a_bias_field_is_smooth():
    results = [changed(grey(), seed, bias_field=0.8) for seed in range(12)]
    assert max(float(result.std()) for result in results) > 0.05
    assert max(float(result.diff(dim=axis).abs().max()) for result in results for axis in (1, 2)) < 0.04


def test_speckle_grows_with_the_intensity_and_its_grains_are_larger_than_pixels():
    image = torch.cat([torch.full((1, 96, 48), 0.1), torch.full((1, 96, 48), 0.5)], dim=2)
    results = [result for seed in range(12) if (result := changed(image, seed, speckle=0.3)).std() > image.std() + 1e-4]
    assert len(results) > 3
    ratios, neighbours = [], []
    for result in results:
        dark, bright = result[0, :, :48], result[0, :, 48:]
        ratios.append(float(bright.std() / dark.std()))
        neighbours.append(float(torch.corrcoef(torch.stack([bright[:, :-1].ravel(), bright[:, 1:].ravel()]))[0, 1]))
    assert np.mean(ratios) == pytest.approx(5, rel=0.15) and np.mean(neighbours) > 0.3


def test_saturation_and_hue_keep_grey_grey_and_the_luminance_of_colours():
    image = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.35
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    for seed in range(8):
        assert torch.allclose(changed(grey(channels=3), seed, hue=0.1, saturation=0.5), grey(channels=3), atol=1e-5)
        result = changed(image, seed, hue=0.03, saturation=0.3)
        assert torch.allclose((weights * result).sum(0), (weights * image).sum(0), atol=1e-4)


def test_one_channel_has_no_hue():
    assert torch.equal(changed(grey(), 0, hue=0.5, saturation=1), grey())


def test_blurring_and_coarser_sampling_take_detail_away_and_keep_the_mean():
    noise = torch.rand(1, 64, 96, generator=torch.Generator().manual_seed(0))
    for result in (gaussian_blur(noise, (1.0, 1.5)), coarsen(noise, np.random.default_rng(1))):
        assert result.shape == noise.shape and result.std() < 0.7 * noise.std()
        assert float(result.mean()) == pytest.approx(float(noise.mean()), abs=0.02)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_jpeg_changes_a_picture_little_and_by_blocks(channels):
    ramp = torch.linspace(0.1, 0.9, 65)[None, None].expand(channels, 43, 65).contiguous()
    result = compress(ramp, np.random.default_rng(0))
    assert result.shape == ramp.shape and result.dtype == torch.float32
    assert 0 < (result - ramp).abs().mean() < 0.03


def test_borders_are_black_and_leave_most_of_the_picture():
    for seed in range(20):
        result = add_borders(grey(), torch.zeros(96, 96), np.random.default_rng(seed))
        black = result < 0.1
        assert 0.01 < black.float().mean() < 0.6 and not black[:, 40:56, 40:56].any()


def test_a_vignette_darkens_the_corners_most():
    for seed in range(20):
        result = add_vignette(grey(), torch.zeros(96, 96), np.random.default_rng(seed))
        assert result[0, 48, 48] > 0.3 and result[0, [0, 0, -1, -1], [0, -1, 0, -1]].min() < result[0, 48, 48] - 0.02


def test_borders_and_a_vignette_do_not_hide_a_lesion():
    lesion = torch.zeros(96, 96)
    lesion[:14, :14] = 1
    added = 0
    for seed in range(40):
        for add in (add_borders, add_vignette):
            result = add(grey(), lesion, np.random.default_rng(seed))
            assert ((result[0] < 0.1) * lesion).sum() <= 0.06 * lesion.sum()
            added += not torch.equal(result, grey())
    assert 5 < added < 75


def test_text_and_callipers_are_brighter_than_the_picture_and_cover_little():
    lesion = torch.zeros(96, 96)
    lesion[30:50, 40:70] = 1
    for seed in range(20):
        for result in (
            add_text(grey(), np.random.default_rng(seed)),
            add_callipers(grey(), lesion, np.random.default_rng(seed)),
        ):
            written = result > 0.45
            assert 0 < written.float().mean() < 0.15 and (result >= 0.4 - 1e-5).all()


def test_callipers_lie_at_the_lesions_ends_or_as_often_elsewhere():
    lesion = torch.zeros(96, 96)
    lesion[30:50, 40:70] = 1
    at_ends = 0
    for seed in range(60):
        rows, columns = (add_callipers(grey(), lesion, np.random.default_rng(seed))[0] > 0.45).nonzero(as_tuple=True)
        middle = torch.tensor([float(rows.float().mean()) - 39.5, float(columns.float().mean()) - 54.5])
        at_ends += bool(middle.norm() < 5)
    assert 20 <= at_ends <= 45


def test_hairs_are_thin():
    for seed in range(10):
        result = add_hairs(grey(channels=3), np.random.default_rng(seed))
        covered = ((result - 0.4).abs() > 0.05).any(0).float().mean()
        assert 0 < covered < 0.5


def head(size: int = 128) -> tuple[torch.Tensor, torch.Tensor]:
    """A head: bright scalp, dark skull, grey brain with a bright lesion, in black air."""
    grid = np.arange(size) - size / 2
    radius = np.hypot(grid[:, None], grid * 1.2)
    picture = np.select([radius < 38, radius < 43, radius < 50], [0.4, 0.1, 0.9], 0.0).astype(np.float32)
    lesion = torch.from_numpy(np.hypot(grid[:, None] + 10, grid - 8) < 8).float()
    return torch.maximum(torch.from_numpy(picture)[None], 0.7 * lesion), lesion


def test_skull_stripping_removes_the_scalp_and_keeps_brain_and_lesion():
    image, lesion = head()
    left = []
    for seed in range(10):
        result = strip_skull(image, lesion, np.random.default_rng(seed))
        left.append(float((result > 0.8).sum() / (image > 0.8).sum()))
        assert torch.equal(result[0][lesion > 0], image[0][lesion > 0])
        brain = (image > 0.3) & (image < 0.8)
        assert ((result > 0.3) & brain).sum() > 0.7 * brain.sum()
    assert np.mean(left) < 0.1


def test_skull_stripping_leaves_alone_what_is_no_head_or_would_lose_its_lesion():
    image, _ = head()
    at_the_scalp = ((image > 0.8) * (torch.arange(128) > 90)).float()[0]
    noise = torch.rand(1, 128, 128, generator=torch.Generator().manual_seed(0))
    nothing = torch.zeros(128, 128)
    for picture, lesion in ((image, at_the_scalp), (noise, nothing), (torch.zeros(1, 128, 128), nothing)):
        assert torch.equal(strip_skull(picture, lesion, np.random.default_rng(0)), picture)
