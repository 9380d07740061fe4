"""Mixing the pictures of a batch: images, masks and labels in the same shares."""

from __future__ import annotations

import pytest
import torch

from resformer_unet.training.input.mixing import mix
from resformer_unet.training.setup.augmentation import Augmentation


def batch() -> tuple[torch.Tensor, ...]:
    """Pictures of the constants 0 to 3, each with a mask of that constant over 3; the last one has no mask."""
    values = torch.arange(4.0)[:, None, None, None]
    return values.expand(4, 3, 20, 30), values.expand(4, 1, 20, 30) / 3, torch.arange(4) < 3, torch.arange(4)


@pytest.mark.parametrize("way", ["mixup", "cutmix"])
def test_labels_have_the_shares_of_the_pictures_and_masks_go_with_them(way):
    shares = set()
    for seed in range(20):
        torch.manual_seed(seed)
        mixture = mix(*batch(), Augmentation(**{way: 1.0}))
        expected = mixture.share * mixture.labels + (1 - mixture.share) * mixture.other_labels
        assert torch.allclose(mixture.images.mean((1, 2, 3)), expected.float(), atol=1e-5)
        assert torch.allclose(mixture.images[:, :1] / 3, mixture.masks, atol=1e-6)
        assert mixture.other_labels.tolist() == [3, 0, 1, 2] and mixture.has_mask.tolist() == [False, True, True, False]
        assert way == "mixup" or 0.45 < mixture.share < 0.95
        shares.add(mixture.share)
    assert len(shares) > 8


def test_cutmix_replaces_a_rectangle_and_nothing_else():
    torch.manual_seed(0)
    images = batch()[0]
    changed = mix(*batch(), Augmentation(cutmix=1.0)).images != images
    rows, columns = changed[0, 0].any(1), changed[0, 0].any(0)
    assert torch.equal(changed[0, 0], rows[:, None] & columns) and 0 < rows.sum() < 20


def test_without_mixing_a_batch_stays_as_it_is_and_no_random_number_is_drawn():
    torch.manual_seed(0)
    state = torch.get_rng_state()
    mixture = mix(*batch(), Augmentation())
    assert torch.equal(mixture.images, batch()[0]) and mixture.share == 1
    assert torch.equal(torch.get_rng_state(), state)
