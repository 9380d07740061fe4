"""Geometric augmentation: how far a picture moves, and what may not get lost."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch

pytest.importorskip("lightning", reason="the extra “train” is not installed")

from resformer_unet.training.input.augmentation.geometry import move
from resformer_unet.training.setup.augmentation import Augmentation

OFF = {entry.name: 0 for entry in fields(Augmentation)}


def spot(row: int, column: int, size: tuple[int, int] = (48, 80)) -> tuple[torch.Tensor, torch.Tensor]:
    masks = torch.zeros(2, *size)
    masks[0, row - 3 : row + 4, column - 3 : column + 4] = 1
    masks[1] = 1
    return masks[:1].clone(), masks


def moved(seed: int, masks: torch.Tensor, image: torch.Tensor, **settings: float):
    return move(image, masks, Augmentation(**{**OFF, **settings}), np.random.default_rng(seed))


def centre(mask: torch.Tensor) -> np.ndarray:
    return mask.nonzero().float().mean(0).numpy()


def test_a_rotation_keeps_distances_in_a_picture_that_is_not_square():
    image, masks = spot(24, 60)
    angles = []
    for seed in range(20):
        _, after = moved(seed, masks, image, rotation=40)
        offset = centre(after[0]) - (23.5, 39.5)
        assert np.hypot(*offset) == pytest.approx(20.5, abs=1)
        angles.append(np.degrees(np.arctan2(*offset)))
    assert min(angles) < -20 and max(angles) > 20 and np.abs(angles).max() < 42


def test_a_shift_is_a_fraction_of_rows_and_of_columns():
    image, masks = spot(24, 40)
    offsets = np.array([centre(moved(seed, masks, image, shift=0.25)[1][0]) - (24, 40) for seed in range(30)])
    assert (np.abs(offsets).max(0) <= (12.6, 20.6)).all() and (np.abs(offsets).max(0) > (8, 14)).all()


@pytest.mark.parametrize("place", [(4, 4), (24, 40), (44, 76)])
def test_most_of_a_lesion_stays_in_the_picture_wherever_it_lies(place):
    image, masks = spot(*place)
    for seed in range(40):
        _, after = moved(seed, masks, image, zoom=1, rotation=90, shift=0.5, scale=0.3)
        assert after[0].sum() > 0.25 * masks[0].sum()


def test_zooming_enlarges_and_shrinks():
    image, masks = spot(24, 40)
    areas = [float(moved(seed, masks, image, zoom=1)[1][0].sum() / masks[0].sum()) for seed in range(40)]
    assert min(areas) < 0.65 and 2 < max(areas) < 3.2


def test_what_comes_in_from_outside_is_no_part_of_the_picture():
    image, masks = spot(24, 40)
    image, after = moved(3, masks, image + 1, rotation=45)
    assert 0 < after[1].mean() < 1 and not image[:, after[1] == 0][0].round().any()
