"""Components found slice by slice are those of the whole volume."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.ndimage import generate_binary_structure, label

from resformer_unet.postprocessing.components import Components


def volumes() -> list[np.ndarray]:
    """Noise from sparse to dense, smooth blobs, slices with nothing between others, and nothing at all."""
    random = np.random.default_rng(3)
    noise = [random.random((7, 23, 31)) < density for density in (0.02, 0.1, 0.2, 0.3, 0.6)]
    blobs = random.random((12, 6, 8)).repeat(5, axis=1).repeat(4, axis=2) < 0.3
    blobs[[3, 4, 9]] = False
    return [*noise, blobs, blobs[:, ::-1, ::-1].swapaxes(1, 2), np.zeros((4, 9, 9), bool), np.ones((1, 9, 9), bool)]


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("mask", volumes())
def test_components_are_those_of_the_whole_volume(mask, corners):
    labels, count = label(mask, generate_binary_structure(3, 3 if corners else 2))
    found = Components(mask, corners)
    assert len(found) == count
    expected = [(int((labels == piece).sum()), *_ends(labels == piece)) for piece in range(1, count + 1)]
    assert sorted(zip(found.sizes.tolist(), found.first.tolist(), found.last.tolist(), strict=True)) == sorted(expected)


def _ends(piece: np.ndarray) -> tuple[int, int]:
    slices = np.flatnonzero(piece.any((1, 2)))
    return int(slices[0]), int(slices[-1])


@pytest.mark.parametrize("mask", volumes())
def test_components_that_are_not_chosen_are_removed_whole(mask):
    labels, count = label(mask, generate_binary_structure(3, 2))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept, found = mask.copy(), Components(mask)
    found.keep(kept, found.sizes > 5)
    assert np.array_equal(kept, mask & (sizes > 5)[labels])


def test_the_slice_with_the_most_pixels_of_a_component_is_found():
    mask = np.zeros((5, 20, 20), bool)
    mask[1, 2:5, 2:5] = mask[2, 2:9, 3:6] = mask[3, 2:4, 2:4] = True
    mask[2, 12:19, 12:19] = True  # larger there, but another one
    found = Components(mask)
    assert sorted(found.sizes) == [9 + 21 + 4, 49]
    index, pixels = found.largest_slice(mask, int(found.sizes.argmin()))
    assert index == 2 and len(pixels) == 21
    assert pixels.min(0).tolist() == [2, 3] and pixels.max(0).tolist() == [8, 5]


def test_memory_grows_with_a_slice_of_the_segment_not_with_the_volume():
    mask = np.zeros((40, 256, 256), bool)
    mask[5:35, 100:130, 100:130] = True
    tracemalloc.start()
    try:
        Components(mask)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < mask.size / 40


def test_more_components_than_16_bits_can_number_are_kept_apart():
    mask = np.zeros((9, 256, 256), bool)
    mask[::4, ::2, ::2] = mask[2::4, 1::2, 1::2] = True  # single voxels, whose projections meet at corners
    found = Components(mask, corners=True)
    assert len(found) == 5 * 128 * 128 > 2**16 and (found.sizes == 1).all()
    found.keep(mask, found.first == 6)
    assert mask[6].sum() == mask.sum() == 128 * 128
