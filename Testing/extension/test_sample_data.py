"""The sample images that the module ships, and how they reach the Sample Data module."""

import hashlib
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from extension.make_sample_data import DRAWINGS, THUMBNAIL
from ResFormerSegLib.sample_data import CATEGORY, SAMPLES, registerSampleData


@pytest.fixture
def sampleData(module, monkeypatch):
    """Slicer's module Sample Data, with nothing registered yet."""
    import slicer

    from extension.slicer_modules import SampleData

    monkeypatch.setitem(sys.modules, "SampleData", SampleData)
    monkeypatch.setattr(slicer.modules, "sampleDataSources", {}, raising=False)
    return SampleData


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_each_file_is_the_one_whose_checksum_is_registered(sample):
    assert hashlib.sha256(sample.image.read_bytes()).hexdigest() == sample.sha256


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_each_file_is_what_this_program_draws(sample):
    drawn = DRAWINGS[sample.name]()
    shipped = sitk.ReadImage(str(sample.image))
    assert shipped.GetSpacing() == pytest.approx(drawn.spacing)
    # Another version of scipy may round the odd voxel to its neighbouring value.
    assert np.mean(sitk.GetArrayFromImage(shipped) != drawn.voxels) < 0.01
    assert 0 < drawn.lesion.mean() < 0.3


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_each_thumbnail_has_the_proportions_that_sample_data_shows(sample):
    with Image.open(sample.thumbnail) as picture:
        assert picture.size == THUMBNAIL


def test_the_samples_are_registered_when_the_application_has_started(module, sampleData):
    import slicer

    assert not slicer.modules.sampleDataSources
    slicer.app.startupCompleted.emit()
    assert len(slicer.modules.sampleDataSources[CATEGORY]) == len(SAMPLES)


def test_an_older_copy_in_the_cache_is_replaced(sampleData):
    import slicer

    registerSampleData()
    cache = slicer.mrmlScene.GetCacheManager().GetRemoteCacheDirectory()
    with open(f"{cache}/{SAMPLES[0].image.name}", "wb") as stale:
        stale.write(b"an older version")
    assert sampleData.downloadSample(SAMPLES[0].name).GetImageData() is not None


def test_an_application_without_sample_data_is_left_alone(module, monkeypatch):
    import slicer

    monkeypatch.setitem(sys.modules, "SampleData", None)  # importing it fails
    monkeypatch.delattr(slicer.modules, "sampleDataSources", raising=False)
    registerSampleData()
    assert not hasattr(slicer.modules, "sampleDataSources")


def test_the_same_seed_draws_the_same_image_and_another_seed_another():
    for draw in DRAWINGS.values():
        first, again, other = draw(0), draw(0), draw(1)
        assert np.array_equal(first.voxels, again.voxels) and np.array_equal(first.lesion, again.lesion)
        assert not np.array_equal(first.voxels, other.voxels)
