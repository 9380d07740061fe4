"""A few real cases of each public set in ../shared/data, with untrained models of the right kind: does it all fit?"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from helpers.generated_dataset import write_table
from helpers.paths import SHARED_DATA
from helpers.tiny_model import save_tiny, tiny_descriptor
from resformer_unet.cli.main import main
from resformer_unet.image.reading import read_image

pytestmark = pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="the public sets in ../shared/data are absent")

KINDS = {
    "skin-lesion": {"diagnoses": ("nevus", "melanoma", "seborrheic_keratosis"), "channels": 3},
    "brain-tumor-mr": {"diagnoses": ("glioma", "meningioma", "pituitary"), "picture": "transposed"},
    "breast-ultrasound": {"diagnoses": ("normal", "benign", "malignant")},
    "cardiac-mr": {"diagnoses": ("NOR", "DCM", "HCM", "MINF", "RV"), "segments": ("rv", "myocardium", "lv")},
    "retina-oct": {"diagnoses": ("fluid", "no_fluid"), "ignore": 255},
}


def model_for(name: str, folder: Path) -> Path:
    """An untrained model that takes the images of a set and knows its classes."""
    kind = KINDS[name]
    segments, channels = kind.get("segments", ("lesion",)), kind.get("channels", 1)
    drafted = tiny_descriptor(segments=segments, diagnoses=kind["diagnoses"])
    exclusive = len(segments) > 1
    intensity = {
        "method": "percentile", "lower": 0.5, "upper": 99.5, "scope": "slice", "ignore": kind.get("ignore"),
        "mean": [0.5] * channels, "std": [0.25] * channels,
    }  # fmt: skip
    orientation = {"volume": "radiological", "picture": kind.get("picture", "stored")}
    bundle = save_tiny(
        folder,
        segments=segments,
        diagnoses=kind["diagnoses"],
        id=name,
        input={
            **drafted["input"], "channels": channels, "slice_axis": "acquisition", "orientation": orientation,
            "intensity": intensity,
        },
        segmentation={**drafted["segmentation"], "exclusive": exclusive},
        network={**drafted["network"], "in_channels": channels, "exclusive": exclusive},
    )  # fmt: skip
    return bundle.folder


def first_cases(name: str, folder: Path, each: int = 1) -> Path:
    """A data set of the first cases of every class, as links to the images and masks."""
    with (SHARED_DATA / name / "labels.csv").open(newline="", encoding="utf-8") as file:
        table = [row for row in csv.DictReader(file) if not row.get("label_conflict_with")]
    rows = []
    for label in dict.fromkeys(row["label"] for row in table):
        rows += [{**row, "split": "test"} for row in table if row["label"] == label][:each]
    write_table(folder, rows)
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
        for row in rows:
            for source in (SHARED_DATA / name / kind).glob(f"{row['id']}.*"):
                (folder / kind / source.name).symlink_to(source)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_predict_and_evaluate_take_the_images_masks_and_labels_of(name, tmp_path, capsys):
    data, model = first_cases(name, tmp_path / "data"), model_for(name, tmp_path / "model")
    images = sorted((data / "images").iterdir())

    output = tmp_path / "out"
    arguments = ["predict", *images[:2], "--model", model, "--output", output, "--device", "cpu"]
    assert main([str(argument) for argument in arguments]) == 0
    for path in images[:2]:
        case = path.name.split(".")[0]
        image, segmented = read_image(path), read_image(output / f"{case}.seg.nrrd")
        assert segmented.shape == image.shape
        np.testing.assert_allclose(segmented.affine, image.affine, atol=1e-4)
        report = json.loads((output / f"{case}.json").read_text("utf-8"))
        assert report["diagnosis"]["probabilities"].keys() == set(KINDS[name]["diagnoses"])
        assert (report["segments"][0]["volume_mm3"] is None) == (name != "cardiac-mr")

    arguments = ["evaluate", data, "--model", model, "--output", tmp_path / "report.json", "--device", "cpu"]
    assert main([str(argument) for argument in arguments]) == 0
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["cases"] == len(images) == len(KINDS[name]["diagnoses"])
    assert report["failed"] == [] and report["warnings"] == []
    assert report["segmentation"]["dice"]["mean"] is not None
    assert all(value is not None for value in report["diagnosis"]["sensitivity"].values())
    if name in ("breast-ultrasound", "retina-oct"):  # their healthy cases have empty masks
        assert report["segmentation"]["false_positive_rate"] is not None
    if name == "cardiac-mr":
        assert report["segmentation"]["dice"].keys() == {"mean", "rv", "myocardium", "lv"}


def test_the_phases_of_a_heart_make_one_diagnosis(tmp_path, capsys):
    data, model = first_cases("cardiac-mr", tmp_path / "data", each=2), model_for("cardiac-mr", tmp_path / "model")
    arguments = ["evaluate", data, "--model", model, "--output", tmp_path / "report.json", "--device", "cpu"]
    assert main([str(argument) for argument in arguments]) == 0
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    groups = {row["group"] for row in report["per_case"]}
    assert report["cases"] == 10 and len(groups) == 5
    # With 5 patients of 5 classes a sensitivity is that of one patient: right or wrong, nothing between.
    assert set(report["diagnosis"]["sensitivity"].values()) <= {0.0, 1.0}
