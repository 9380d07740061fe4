"""Training on volumes and colour, on several segments, and with one task alone."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.generated_dataset import write_discs

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from helpers.tiny_training import trained
from resformer_unet.data.dataset import load_dataset
from resformer_unet.data.draft_descriptor import draft_descriptor
from resformer_unet.image.reading import read_image
from resformer_unet.inference.predictor import Predictor

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:.*(does not have many workers|Checkpoint directory|log directory|tensorboard).*"
    ),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def several_values(picture, mask):
    halves = np.where(mask > 0, 1 + (np.arange(mask.shape[1]) > mask.shape[1] // 2), 0).astype(np.uint8)
    return picture, halves


def as_volume(picture, mask):
    return np.stack([picture, picture // 2, picture]), np.stack([mask, mask, 0 * mask])


def as_colour(picture, mask):
    return np.dstack([picture, picture // 2, picture // 3]), mask


def test_exclusive_segments_can_be_trained(tmp_path):
    data = write_discs(tmp_path / "data", change=several_values)
    descriptor = trained(data, tmp_path / "model").descriptor
    assert descriptor["segmentation"]["exclusive"] is True and descriptor["network"]["exclusive"] is True
    assert [row["value"] for row in descriptor["segmentation"]["segments"]] == [1, 2]
    assert {"dice_segment_1", "dice_segment_2"} <= descriptor["results"][0]["metrics"].keys()
    assert descriptor["diagnosis"]["rule"] == "mean"


def test_volumes_and_colour_can_be_trained(tmp_path):
    volumes = write_discs(tmp_path / "volumes", {"train": 4, "val": 2}, change=as_volume, suffix=".nii.gz")
    bundle = trained(volumes, tmp_path / "volume-model")
    assert bundle.descriptor["kind"] == "volume"
    pictures = load_dataset(write_discs(tmp_path / "pictures", {"train": 4, "val": 2}, change=as_colour), "train")
    drafted = draft_descriptor("colour", pictures, (32, 32))
    assert drafted["input"]["channels"] == 3 and drafted["input"]["intensity"]["method"] == "fixed"


def test_a_model_of_volumes_and_pictures_is_one_of_both_kinds(tmp_path):
    volumes = write_discs(tmp_path / "volumes", {"train": 2}, change=as_volume, suffix=".nii.gz")
    pictures = write_discs(tmp_path / "pictures", {"train": 2})
    both = [*load_dataset(volumes), *load_dataset(pictures)]
    assert draft_descriptor("mixed", both, (32, 32))["kind"] == "both"
    assert draft_descriptor("pictures", both[2:], (32, 32))["kind"] == "2d"


def test_without_masks_only_the_diagnosis_is_learnt(tmp_path):
    data = write_discs(tmp_path / "data", masks=False)
    bundle = trained(data, tmp_path / "model")
    assert bundle.descriptor["segmentation"] is None and bundle.descriptor["network"]["segments"] == 0
    report = Predictor(bundle, "cpu").predict(read_image(data / "images" / "test-0.png")).report
    assert report["segments"] == [] and report["diagnosis"]["label"] in ("benign", "malignant")


def test_without_labels_only_the_segmentation_is_learnt(tmp_path):
    data = write_discs(tmp_path / "data", labels=False)
    bundle = trained(data, tmp_path / "model")
    assert bundle.descriptor["diagnosis"] is None and bundle.descriptor["calibration"] is None
    assert Predictor(bundle, "cpu").predict(read_image(data / "images" / "test-0.png")).report["diagnosis"] is None
