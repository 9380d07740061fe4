"""Growing images in the course of a training."""

import torch

from resformer_unet.training.input.progressive_resizing import resize, training_size


def test_images_grow_from_the_initial_scale_to_the_full_size():
    sizes = [training_size((160, 224), 0.5, epoch, 10) for epoch in range(10)]
    assert sizes[0] == (80, 112)
    assert sizes == sorted(sizes)
    assert sizes[6:] == [(160, 224)] * 4


def test_without_growth_every_epoch_has_the_full_size():
    assert {training_size((120, 160), 1.0, epoch, 5) for epoch in range(5)} == {(120, 160)}


def test_sizes_stay_within_what_the_network_takes():
    assert training_size((40, 48), 0.1, 0, 10) == (32, 32)


def test_image_and_mask_are_resized_together():
    images, masks = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    images[..., 16:32, 32:48] = masks[..., 16:32, 32:48] = 1
    smaller, smaller_masks = resize(images, masks, (32, 32))
    assert torch.equal(smaller_masks, smaller)
    assert smaller_masks.sum() == 64


def test_a_set_without_segments_has_none_afterwards():
    _, masks = resize(torch.zeros(2, 3, 64, 64), torch.zeros(2, 0, 64, 64), (32, 48))
    assert masks.shape == (2, 0, 32, 48)
