"""Computed tomography is told by its intensities: the limits, and how much of a volume is looked at."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from helpers.tiny_model import tiny_descriptor
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference import result_warnings
from resformer_unet.inference.result_warnings import out_of_distribution_warning


def looks_like_ct(voxels: np.ndarray, modality: str = "MR") -> bool:
    """Whether a model of another modality warns of the volume's intensities."""
    found = out_of_distribution_warning(
        tiny_descriptor(modality=modality), image_from_array(voxels, np.eye(4), "x"), score=None, threshold=None
    )
    assert all("computed tomography" in row["message"] for row in found)
    return bool(found)


@pytest.mark.parametrize(
    ("value", "share", "expected"),
    [
        (-501, 0.02, True),
        (-500, 1.0, False),
        (-1000, 0.011, True),
        (-1000, 0.01, False),
        (0, 1.0, False),
        (400, 1.0, False),
    ],
)
def test_more_than_a_hundredth_below_minus_500_is_air_of_a_ct(value, share, expected):
    voxels = np.full((2, 20, 50), 600, np.int16)
    voxels.reshape(-1)[: round(share * voxels.size)] = value
    assert looks_like_ct(voxels) == looks_like_ct(voxels.astype(np.float32)) == expected
    assert not looks_like_ct(voxels, modality="CT")


def test_of_few_slices_each_is_looked_at_however_large_they_are(monkeypatch):
    monkeypatch.setattr(result_warnings, "SAMPLE", 1000)
    voxels = np.zeros((2, 60, 60), np.int16)  # every second row and column is read
    voxels[1] = -1000
    assert looks_like_ct(voxels)


def test_of_a_large_volume_a_million_values_are_looked_at():
    image = image_from_array(np.zeros((200, 200, 200), np.int16), np.eye(4), "x")
    tracemalloc.start()
    try:
        assert out_of_distribution_warning(tiny_descriptor(modality="MR"), image, None, None) == []
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 1_000_000 <= most < 1_500_000  # a byte for each value that is compared
