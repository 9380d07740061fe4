"""The two matrices resize as PyTorch does, which the shipped models were trained with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from resformer_unet.preprocessing.resampling import antialiased, bilinear, resize

SIZES = [
    ((64, 64), (24, 40)),
    ((31, 57), (17, 19)),
    ((20, 30), (64, 90)),
    ((40, 12), (20, 30)),
    ((33, 20), (33, 7)),
    ((1, 9), (8, 1)),
    ((700, 9), (1, 3)),
]


def resized(batch: np.ndarray, size: tuple[int, int], matrix) -> np.ndarray:
    out = np.full((*batch.shape[:2], *size), np.nan, np.float32)
    resize(batch, *(matrix(*lengths) for lengths in zip(batch.shape[2:], size, strict=True)), out)
    return out


@pytest.mark.parametrize(("old", "new"), SIZES)
@pytest.mark.parametrize(("matrix", "antialias"), [(antialiased, True), (bilinear, False)])
def test_the_values_are_those_of_pytorch(old, new, matrix, antialias):
    batch = np.random.default_rng(0).normal(size=(2, 3, *old)).astype(np.float32)
    expected = F.interpolate(torch.from_numpy(batch), new, mode="bilinear", antialias=antialias, align_corners=False)
    np.testing.assert_allclose(resized(batch, new, matrix), expected.numpy(), atol=2e-5)


def test_it_takes_views_and_whole_numbers_and_fills_views():
    stack = np.arange(2 * 20 * 30, dtype=np.int16).reshape(2, 20, 30, 1)
    turned, frame = stack[:, ::-1].transpose(0, 3, 1, 2), np.zeros((2, 1, 12, 12), np.float32)
    resize(turned, antialiased(20, 8), antialiased(30, 8), frame[..., 2:10, 2:10])
    plain = resized(np.ascontiguousarray(turned, np.float32), (8, 8), antialiased)
    assert np.array_equal(frame[..., 2:10, 2:10], plain) and frame[..., :2, :].max() == 0
