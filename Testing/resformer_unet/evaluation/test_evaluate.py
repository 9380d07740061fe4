"""Evaluation of a stand-in predictor on generated data sets in the documented layout."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.tiny_heart import heart_report as heart
from helpers.tiny_model import save_tiny, tiny_descriptor
from resformer_unet.data.dataset import read_case_image
from resformer_unet.errors import EngineError
from resformer_unet.evaluation.evaluate import evaluate, write_evaluation
from resformer_unet.evaluation.report_card.figures_table import segmentation_rows
from resformer_unet.evaluation.summary import summarise
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle

KEYS = {
    "cases", "segmentation", "diagnosis", "confusion", "operating_points", "calibration", "confidence", "per_case",
    "per_group", "failed", "warnings", "model", "data"
}  # fmt: skip


class StandIn:
    """Segments what is brighter than 100, in steps of 10 a segment; the first voxel holds the probability of class 0.

    With exclusive segments all lie in one layer, otherwise each has its own.
    """

    def __init__(self, exclusive: bool = False, **changes) -> None:
        descriptor = {**tiny_descriptor(**changes), "weights": {"sha256": "0" * 64}}
        self.bundle = ModelBundle(Path("tiny"), descriptor)
        self.exclusive = exclusive

    def predict(self, image):
        voxels = image.voxels[..., 0]
        layers = np.stack([
            np.where((voxels > 90 + 10 * row["value"]) & (voxels <= 100 + 10 * row["value"]), row["value"], 0)
            for row in self.bundle.segments
        ] or [np.zeros(voxels.shape)]).astype(np.uint8)  # fmt: skip
        first = float(voxels.flat[0]) / 100
        ids = [row["id"] for row in self.bundle.diagnoses]
        probabilities = dict(zip(ids, [first, 1 - first], strict=False))
        diagnosis = {"label": ids[int(first < 0.5)], "probabilities": probabilities} if ids else None
        report = {"diagnosis": diagnosis, "warnings": [], "slice_axis": {"plane": "axial", "array_axis": 0}}
        layers, areas = layers.max(0, keepdims=True) if self.exclusive else layers, layers.any(0).sum((1, 2))
        return SimpleNamespace(layers=layers, report=report, areas=areas, out_of_distribution_score=None)


class DataSet:
    """Writes cases: ``image`` and ``mask`` are arrays (rows, columns) or (slices, rows, columns)."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rows = folder, []
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True)

    def add(self, name, image, mask=None, label="", split="test", group="", conflict=""):
        suffix = ".png" if image.ndim == 2 else ".nii.gz"
        sitk.WriteImage(sitk.GetImageFromArray(image.astype(np.uint8)), str(self.folder / "images" / (name + suffix)))
        if mask is not None:
            sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8)), str(self.folder / "masks" / (name + suffix)))
        self.rows.append({"id": name, "label": label, "split": split, "group": group, "label_conflict_with": conflict})
        with (self.folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(self.rows)
        return self


@pytest.fixture
def data(tmp_path):
    return DataSet(tmp_path / "données")


def picture(rows: slice = slice(0, 0), brightness: int = 105, benign: int = 50, shape=(12, 16)) -> np.ndarray:
    """An image with a bright band at ``rows``; ``benign`` is the stand-in's probability of class 0 in per cent."""
    image = np.zeros(shape)
    image[..., rows, :] = brightness
    image.flat[0] = benign
    return image


def band(rows: slice, value: int = 255, shape=(12, 16)) -> np.ndarray:
    mask = np.zeros(shape)
    mask[..., rows, :] = value
    return mask


def test_the_report_has_the_documented_keys(data):
    data.add("a", picture(slice(4, 8)), band(slice(4, 8)), "benign")
    report = evaluate(data.folder, StandIn(), "test")
    assert report.keys() == KEYS
    assert report["cases"] == 1
    assert report["segmentation"] == {
        "dice": {"mean": 1.0, "lesion": 1.0},
        "jaccard": {"mean": 1.0, "lesion": 1.0},
        "false_positive_rate": None,
        "segment_false_positive_rate": {"lesion": None},
        "slice_false_positive_rate": None,
    }
    figures = {"accuracy", "balanced_accuracy", "macro_auc", "auc", "sensitivity", "specificity", "ece"}
    assert report["diagnosis"].keys() == figures
    assert report["model"] == {"id": "tiny", "version": "1.0.0", "sha256": "0" * 64}
    assert report["data"] == {"folder": str(data.folder), "split": "test"}


def test_dice_is_the_mean_over_cases_with_a_lesion_and_lesion_free_cases_give_false_positives(data):
    data.add("right", picture(slice(4, 8)), band(slice(4, 8)))
    data.add("half", picture(slice(4, 6)), band(slice(4, 8)))
    data.add("lesion-free", picture(), band(slice(0, 0)))
    data.add("false-positive", picture(slice(4, 5)), band(slice(0, 0)))
    report = evaluate(data.folder, StandIn())
    assert report["segmentation"]["dice"]["lesion"] == pytest.approx((1 + 2 / 3) / 2)
    assert report["segmentation"]["jaccard"]["lesion"] == pytest.approx((1 + 1 / 2) / 2)
    assert report["segmentation"]["false_positive_rate"] == 0.5
    assert [row["false_positive"] for row in report["per_case"]] == [None, None, False, True]


def test_cases_without_a_mask_count_for_the_diagnosis_and_cases_without_a_label_for_the_segmentation(data):
    data.add("no-mask", picture(slice(4, 8), benign=90), None, "benign")
    data.add("no-label", picture(slice(4, 8), benign=10), band(slice(4, 8)))
    report = evaluate(data.folder, StandIn())
    assert report["cases"] == 2
    assert report["diagnosis"]["accuracy"] == 1.0
    assert report["segmentation"]["dice"]["mean"] == 1.0
    assert [row["dice"] for row in report["per_case"]] == [None, {"lesion": 1.0}]


def test_only_the_named_split_is_evaluated(data):
    data.add("a", picture(), None, "benign", "test").add("b", picture(), None, "benign", "train")
    report = evaluate(data.folder, StandIn(), "test")
    assert [row["case"] for row in report["per_case"]] == ["a"]


@pytest.mark.parametrize("exclusive", [True, False])
def test_several_segments_are_scored_each_by_its_value(data, exclusive):
    image, mask = picture(slice(2, 4), 105), band(slice(2, 4), 1)
    image[6:10], mask[6:8] = 115, 2
    data.add("both", image, mask)
    data.add("first-only", picture(slice(2, 4), 105), band(slice(2, 4), 1))
    report = evaluate(data.folder, StandIn(exclusive, segments=("core", "rim")))
    assert report["segmentation"]["dice"] == pytest.approx({"mean": (1 + 2 / 3) / 2, "core": 1, "rim": 2 / 3})
    assert report["per_case"][1]["dice"] == {"core": 1.0}


def test_false_positives_of_a_segment_count_also_beside_another_segment(data):
    image = picture(slice(2, 4), 105)
    image[6:10] = 115  # of which there is nothing in the reference
    data.add("beside", image, band(slice(2, 4), 1))
    data.add("right", picture(slice(2, 4), 105), band(slice(2, 4), 1))
    data.add("alone", picture(slice(2, 4), 105), band(slice(0, 0)))
    predictor = StandIn(segments=("core", "rim"))
    report = evaluate(data.folder, predictor)
    rates = report["segmentation"]["segment_false_positive_rate"]
    assert rates == pytest.approx({"core": 1, "rim": 1 / 3}) and report["segmentation"]["false_positive_rate"] == 1
    assert report["segmentation"]["dice"] == {"mean": 1, "core": 1, "rim": None}
    rows = [row["segment_false_positive"] for row in report["per_case"]]
    assert rows == [{"rim": True}, {"rim": False}, {"core": True, "rim": False}]
    assert "of each segment     core 1.000, rim 0.333" in summarise(report)
    shown = {title: (value, cases) for title, value, _, cases in segmentation_rows(report, predictor.bundle)}
    assert shown["False positives of Rim in cases without it"] == ("0.333", "3 cases")
    assert shown["False positives of Core in cases without it"] == ("1.000", "1 cases")


def test_masks_numbered_for_another_model_are_refused_before_anything_is_predicted(data):
    data.add("a", picture(), band(slice(0, 0), 0))
    data.add("b", picture(), band(slice(4, 8), 3))
    predictor = StandIn(segments=("core", "rim"))
    predictor.predict = lambda image: pytest.fail("predicted")
    with pytest.raises(EngineError) as caught:
        evaluate(data.folder, predictor)
    assert caught.value.code == "MASK_VALUES_UNKNOWN"
    assert "Case b" in str(caught.value)


def test_labels_without_a_class_are_a_warning_and_left_out_of_the_diagnosis(data):
    data.add("a", picture(slice(4, 8), benign=90), band(slice(4, 8)), "benign")
    data.add("b", picture(slice(4, 8), benign=90), band(slice(4, 8)), "cyst")
    report = evaluate(data.folder, StandIn())
    assert report["diagnosis"]["accuracy"] == 1.0
    assert report["cases"] == 2
    (warning,) = report["warnings"]
    assert warning["code"] == "LABELS_UNKNOWN"
    assert "cyst (1 cases)" in warning["message"]


def test_cases_with_a_label_conflict_are_left_out(data):
    data.add("a", picture(), None, "benign").add("twin", picture(), None, "malignant", conflict="a")
    assert evaluate(data.folder, StandIn())["cases"] == 1


def volume(benign: int) -> np.ndarray:
    return picture(benign=benign, shape=(3, 12, 16))


def test_volumes_of_one_patient_make_one_diagnosis_from_their_mean_probability(data):
    data.add("p1_ED", volume(90), None, "benign", group="p1").add("p1_ES", volume(30), None, "benign", group="p1")
    data.add("p2_ED", volume(20), None, "malignant", group="p2").add("p2_ES", volume(60), None, "malignant", group="p2")
    data.add("p3_ED", volume(40), None, "benign", group="p3")
    report = evaluate(data.folder, StandIn())
    assert report["cases"] == 5
    assert report["diagnosis"]["accuracy"] == pytest.approx(2 / 3)
    assert report["diagnosis"]["sensitivity"] == pytest.approx({"benign": 1 / 2, "malignant": 1})


def test_a_patient_with_two_volumes_changes_nothing_for_the_pictures_of_others(data):
    data.add("ED", volume(90), None, "benign", group="p1").add("ES", volume(30), None, "benign", group="p1")
    data.add("a", picture(benign=90), None, "benign", group="p2").add(
        "b", picture(benign=30), None, "benign", group="p2"
    )
    data.add("c", picture(benign=20), None, "benign", group="p3").add("d", volume(20), None, "benign", group="p3")
    report = evaluate(data.folder, StandIn())
    assert sum(map(sum, report["confusion"]["counts"])) == 5 and report["diagnosis"]["accuracy"] == 2 / 5
    joint = {row["group"]: row["diagnosis"] and row["diagnosis"]["label"] for row in report["per_group"]}
    assert joint == {"p1": "benign", "p2": None, "p3": None}


def test_pictures_of_one_patient_are_diagnosed_one_by_one(data):
    data.add("a", picture(benign=90), None, "benign", group="p").add("b", picture(benign=30), None, "benign", group="p")
    assert evaluate(data.folder, StandIn())["diagnosis"]["accuracy"] == 0.5


def test_a_patient_with_two_labels_is_a_warning_and_not_averaged(data):
    data.add("ED", volume(90), None, "benign", group="p1").add("ES", volume(10), None, "malignant", group="p1")
    report = evaluate(data.folder, StandIn())
    assert report["diagnosis"]["accuracy"] == 1.0
    assert [warning["code"] for warning in report["warnings"]] == ["GROUP_LABELS_CONFLICT"]


def test_volumes_are_scored_in_3d(data):
    shape = (3, 12, 16)
    image, mask = picture(shape=shape), np.zeros(shape)
    image[0, 4:8] = 105
    mask[:2, 4:8] = 255  # the second slice is missed: 3D Dice 2/3, while a mean over slices would be 1/2
    data.add("a", image, mask)
    assert evaluate(data.folder, StandIn())["segmentation"]["dice"]["lesion"] == pytest.approx(2 / 3)


def test_a_model_that_diagnoses_patients_is_scored_by_that_diagnosis(data):
    regression = {"rule_text": "By the volume.", "inputs": ["log_lvedv_ml"], "mean": [float(np.log(150))], "std": [1.0]}
    regression |= {"weights": [[-20.0, 0.0]], "bias": [0.0, 0.0]}  # benign is who has a left ventricle below 150 ml
    predictor = StandIn(patient_diagnosis=regression)
    model = {"id": "tiny", "version": "1.0.0", "sha256": "0" * 64}
    usual, radius = predictor.predict, {"p1_ED": 15, "p1_ES": 10, "p2_ED": 30, "p2_ES": 25, "p3_ED": 30}

    def predict(image):
        prediction = usual(image)
        return SimpleNamespace(
            layers=prediction.layers,
            out_of_distribution_score=None,
            report={**heart(image.name, radius[image.name], 10), **prediction.report, "model": model},
        )

    predictor.predict = predict
    for name in radius:  # each image by itself would be called malignant
        data.add(name, volume(10), None, "benign" if name.startswith("p1") else "malignant", group=name[:2])
    report = evaluate(data.folder, predictor)
    assert [row["diagnosis"]["label"] for row in report["per_group"]] == ["benign", "malignant", "malignant"]
    assert report["diagnosis"]["accuracy"] == 1.0 and report["calibration"]["ece_before"] is None
    assert [row["diagnosis"]["label"] for row in report["per_case"]] == ["malignant"] * 5
    (warning,) = report["warnings"]  # of the third patient, who has one image only
    assert warning["code"] == "PATIENT_NOT_DIAGNOSED" and "p3" in warning["message"]


def test_lesion_free_slices_of_volumes_give_a_false_positive_rate_of_slices(data):
    shape = (4, 12, 16)
    image, mask = picture(shape=shape), np.zeros(shape)
    image[:2, 4:8], mask[0, 4:8] = 105, 255  # one of three lesion-free slices is segmented
    data.add("a", image, mask).add("lesion-free", picture(shape=shape), np.zeros(shape))
    report = evaluate(data.folder, StandIn())
    assert report["per_case"][0]["lesion_free_slices"] == {"slices": 3, "segmented": 1}
    assert report["segmentation"]["slice_false_positive_rate"] == pytest.approx(1 / 7)
    assert report["segmentation"]["false_positive_rate"] == 0


def test_the_cases_of_each_patient_are_summed_up(data):
    for name, benign, group in (("p1_ED", 90, "p1"), ("p1_ES", 30, "p1"), ("p2_ED", 20, "p2")):
        image = volume(benign)
        image[:, 4:8] = 105
        mask = np.zeros(image.shape)
        mask[:, slice(4, 8 if name == "p1_ED" else 6)] = 255
        data.add(name, image, mask, "benign", group=group)
    first, second = evaluate(data.folder, StandIn())["per_group"]
    assert first["group"] == "p1" and first["cases"] == ["p1_ED", "p1_ES"]
    assert first["dice"] == {"lesion": pytest.approx((1 + 2 / 3) / 2)}
    assert first["diagnosis"] == {
        "truth": "benign", "label": "benign", "probabilities": pytest.approx({"benign": 0.6, "malignant": 0.4})
    }  # fmt: skip
    assert second["diagnosis"]["label"] == "malignant"


def test_pictures_that_are_alone_in_their_groups_have_no_summary_by_group(data):
    data.add("a", picture(benign=90), None, "benign").add("b", picture(benign=30), None, "benign")
    assert evaluate(data.folder, StandIn())["per_group"] == []


def test_the_confusion_matrix_counts_cases_by_true_and_predicted_class(data):
    for index, (benign, label) in enumerate(((90, "benign"), (20, "benign"), (40, "malignant"))):
        data.add(str(index), picture(benign=benign), None, label)
    assert evaluate(data.folder, StandIn())["confusion"] == {"classes": ["benign", "malignant"],
                                                             "counts": [[1, 1], [0, 1]]}  # fmt: skip


def test_calibration_is_measured_with_the_temperature_and_without(data, tmp_path):
    data.add("a", picture(slice(4, 8)), band(slice(4, 8)), "benign").add("b", picture(slice(1, 4)), None, "malignant")
    reports = {}
    for temperature in (None, 4.0):
        calibration = temperature and {"method": "temperature", "temperature": temperature, "fitted_on": "a test"}
        bundle = save_tiny(tmp_path / str(temperature), calibration=calibration)
        reports[temperature] = evaluate(data.folder, Predictor(bundle, "cpu"))
    plain, calibrated = reports[None]["calibration"], reports[4.0]["calibration"]
    assert plain["ece_before"] is None and plain["bins_before"] is None
    assert calibrated["ece_before"] == pytest.approx(plain["ece_after"])
    assert calibrated["bins_before"][0] == pytest.approx(plain["bins_after"][0])
    assert calibrated["ece_after"] == reports[4.0]["diagnosis"]["ece"] != pytest.approx(plain["ece_after"])


def test_an_unreadable_case_is_listed_and_the_others_go_on(data):
    data.add("good", picture(benign=90), None, "benign").add("bad", picture(), None, "benign")
    data.add("small-mask", picture(), band(slice(0, 2), shape=(5, 5)), "benign")
    (data.folder / "images" / "bad.png").write_bytes(b"not a picture")
    steps = []
    report = evaluate(data.folder, StandIn(), progress=lambda done, total: steps.append((done, total)))
    assert report["cases"] == 1
    assert [row["case"] for row in report["failed"]] == ["bad", "small-mask"]
    assert all(row["code"] and row["message"] for row in report["failed"])
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_an_unexpected_failure_of_one_case_is_listed_too(data):
    data.add("good", picture(benign=90), None, "benign").add("odd", picture(benign=7), None, "benign")
    predictor = StandIn()
    usual = predictor.predict

    def failing(image):
        if image.name == "odd":
            raise ValueError("a rare fault")
        return usual(image)

    predictor.predict = failing
    report = evaluate(data.folder, predictor)
    assert report["cases"] == 1
    (failure,) = report["failed"]
    assert (failure["case"], failure["code"]) == ("odd", "INTERNAL") and "a rare fault" in failure["message"]


def test_an_image_is_read_once(data, monkeypatch):
    data.add("a", picture(slice(4, 8)), band(slice(4, 8)), "benign")
    read = []
    monkeypatch.setattr(
        "resformer_unet.evaluation.case_scoring.read_case_image",
        lambda case: read.append(case.id) or read_case_image(case),
    )
    evaluate(data.folder, StandIn())
    assert read == ["a"]


def test_when_every_case_fails_the_first_reason_is_given(data):
    data.add("bad", picture(), None, "benign")
    (data.folder / "images" / "bad.png").write_bytes(b"not a picture")
    with pytest.raises(EngineError, match="None of the 1 cases") as caught:
        evaluate(data.folder, StandIn())
    assert caught.value.code == "NO_CASE_EVALUATED"
    assert "bad.png" in str(caught.value)


def test_a_model_without_a_task_has_no_figures_for_it(data):
    data.add("a", picture(slice(4, 8)), band(slice(4, 8)), "benign")
    assert evaluate(data.folder, StandIn(diagnoses=()))["diagnosis"] is None
    assert evaluate(data.folder, StandIn(segments=()))["segmentation"] is None


def test_labelled_cases_without_a_diagnosis_are_counted_in_a_warning(data):
    data.add("a", picture(), None, "benign")
    predictor = StandIn()
    report = {"diagnosis": None, "warnings": []}
    predictor.predict = lambda image: SimpleNamespace(
        layers=np.zeros((1, *image.shape), np.uint8), report=report, out_of_distribution_score=None
    )
    result = evaluate(data.folder, predictor)
    assert result["diagnosis"]["accuracy"] is None
    assert [warning["code"] for warning in result["warnings"]] == ["CASES_WITHOUT_DIAGNOSIS"]


def test_the_written_report_is_strict_json(data, tmp_path):
    data.add("a", picture(benign=90), None, "benign")  # one class only: several figures are undefined
    report = evaluate(data.folder, StandIn())
    write_evaluation(tmp_path / "réport.json", report)
    text = (tmp_path / "réport.json").read_text("utf-8")
    assert "NaN" not in text
    assert json.loads(text) == report
