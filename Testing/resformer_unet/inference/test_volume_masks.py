"""Masks that are cleaned and linked batch by batch are those of the whole volume, cleaned at once."""

from __future__ import annotations

import numpy as np
import pytest

from resformer_unet.image.medical_image import image_from_array
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.volume_masks import VolumeMasks
from resformer_unet.model.catalog import find_model
from resformer_unet.postprocessing.cleaning import clean_masks
from resformer_unet.postprocessing.masks import masks_on_slices
from resformer_unet.preprocessing.prepare import prepare_image

SLICES = 14


@pytest.fixture(scope="module")
def blobs():
    """Probabilities of a segment in every slice: some blobs in one slice only, others through several."""
    random = np.random.default_rng(5)
    through = random.random((SLICES // 2, 1, 28, 28)).repeat(2, axis=0) < 0.08
    alone = random.random((SLICES, 1, 28, 28)) < 0.04
    return (through | alone).repeat(8, 2).repeat(8, 3).astype(np.float32)


@pytest.mark.parametrize("batches", [[SLICES], [1] * SLICES, [5, 5, 4]])
@pytest.mark.parametrize("keep_largest", ["none", "image"])
def test_the_batches_do_not_matter(blobs, batches, keep_largest, monkeypatch):
    bundle = find_model("brain-tumor-mr")
    segmentation = {**bundle.descriptor["segmentation"], "min_slices": 2, "keep_largest": keep_largest}
    monkeypatch.setitem(bundle.descriptor, "segmentation", segmentation)
    voxels = np.random.default_rng(0).random((SLICES, 60, 50)).astype(np.float32)
    image = image_from_array(voxels, np.diag([1.0, 1.0, 4.0, 1.0]), "head", True)
    prepared = prepare_image(image, bundle.descriptor["input"], None)
    volume = VolumeMasks(bundle, prepared, PredictOptions())
    first = 0
    for count in batches:
        volume.write(first, blobs[first : first + count])
        first += count
    volume.postprocess()

    whole = masks_on_slices(blobs, prepared.letterbox, segmentation)
    found, expected = whole.sum(), clean_masks(whole, segmentation, 1.0)
    assert 0 < expected.sum() < found
    assert np.array_equal(volume.of_run_slices, expected)
