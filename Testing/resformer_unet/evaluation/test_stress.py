"""The stress test: every shift at every strength, and the risk of the cases that a model answers."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from helpers.generated_dataset import write_discs, write_table  # noqa: E402
from helpers.tiny_model import save_tiny, tiny_descriptor, weights_that_segment  # noqa: E402
from resformer_unet.cli.main import main  # noqa: E402
from resformer_unet.data.dataset import load_dataset  # noqa: E402
from resformer_unet.evaluation.evaluate import evaluate  # noqa: E402
from resformer_unet.evaluation.risk_coverage import risk_coverage  # noqa: E402
from resformer_unet.evaluation.shifts import SHIFTS, STRENGTHS, shifts_for  # noqa: E402
from resformer_unet.evaluation.stress import stress_test  # noqa: E402
from resformer_unet.inference.predictor import Predictor  # noqa: E402
from resformer_unet.model.bundle import load_bundle  # noqa: E402
from resformer_unet.model.saving import save_bundle  # noqa: E402
from resformer_unet.training.finish.card import card_files, model_card  # noqa: E402
from resformer_unet.training.finish.reference_statistics import add_reference_statistics  # noqa: E402


@pytest.fixture(scope="module")
def stressed(tmp_path_factory):
    """A tiny model with a detector, and what the command makes of six discs under stress."""
    folder = tmp_path_factory.mktemp("stress")
    data = write_discs(folder / "data", {"train": 8, "val": 12, "test": 6})
    descriptor = tiny_descriptor()
    save_bundle(folder / "tiny", descriptor, weights_that_segment(descriptor), "# Tiny\n")
    add_reference_statistics(folder / "tiny", data, "cpu")
    output = folder / "report.json"
    assert main(["evaluate", str(data), "--model", str(folder / "tiny"), "--stress", "--output", str(output)]) == 0
    return json.loads(output.read_text("utf-8")), output.with_suffix(".html").read_text("utf-8"), folder


def test_every_shift_that_suits_pictures_is_measured_at_every_strength(stressed):
    stress = stressed[0]["stress"]
    shifts = [shift for shift in shifts_for("OT") if not shift.volumes_only]
    expected = [(shift.name, strength) for shift in shifts for strength in STRENGTHS]
    assert [(row["shift"], row["strength"]) for row in stress["shifts"]] == expected
    for row in stress["shifts"]:
        assert 0 <= row["dice"] <= 1 and 0 <= row["accuracy"] <= 1 and 0 <= row["flagged"] <= 1 and not row["failed"]
    middle = [row["dice"] for row in stress["shifts"] if row["strength"] == "middle"]
    assert stress["means"]["middle"]["dice"] == pytest.approx(np.mean(middle))


def test_without_a_shift_it_measures_what_the_evaluation_measures(stressed):
    report = stressed[0]
    unshifted = report["stress"]["unshifted"]
    assert report["stress"]["cases"] == 6
    assert unshifted["dice"] == pytest.approx(report["segmentation"]["dice"]["mean"])
    assert unshifted["accuracy"] == report["diagnosis"]["accuracy"]
    assert unshifted["macro_auc"] == report["diagnosis"]["macro_auc"]
    flagged = ["OUT_OF_DISTRIBUTION" in row["warnings"] for row in report["per_case"]]
    assert unshifted["flagged"] == pytest.approx(np.mean(flagged))


@pytest.fixture
def noise_alone(monkeypatch):
    noise = next(shift for shift in SHIFTS if shift.name == "noise")
    monkeypatch.setattr("resformer_unet.evaluation.stress.shifts_for", lambda modality: (noise,))


def test_the_same_seed_gives_the_same_figures(stressed, noise_alone):
    report, _, folder = stressed
    again = stress_test(load_dataset(folder / "data", "test"), Predictor(load_bundle(folder / "tiny"), "cpu"))
    assert again["shifts"] == [row for row in report["stress"]["shifts"] if row["shift"] == "noise"]


def test_the_page_and_the_card_show_table_and_curves(stressed):
    report, page, folder = stressed
    assert "Under shifts" in page and "Risk-coverage curves" in page
    values = [row["dice"] for row in report["stress"]["shifts"] if row["shift"] == "blur"]
    assert " / ".join(f"{value:.3f}" for value in values) in page
    bundle = load_bundle(folder / "tiny")
    files = card_files(report, bundle)
    assert {"shifts.svg", "risk-coverage.svg"} <= files.keys()
    recipe = {**bundle.descriptor["training"], "recipe": {"preset": "small"}}
    card = model_card({**bundle.descriptor, "training": recipe}, files, report["stress"])
    assert f"| middle | {report['stress']['means']['middle']['dice']:.3f} |" in card and "(shifts.svg)" in card


def test_a_model_without_a_detector_or_a_task_is_tested_too(tmp_path, noise_alone):
    data = write_discs(tmp_path / "data", {"test": 2})
    for task, missing in (({"segments": ()}, "dice"), ({"diagnoses": ()}, "accuracy")):
        predictor = Predictor(save_tiny(tmp_path / missing, **task), "cpu")
        report = evaluate(data, predictor, "test")
        report["stress"] = stress_test(load_dataset(data, "test"), predictor)
        assert report["stress"]["unshifted"][missing] is None
        assert report["stress"]["risk_coverage"] == {"segmentation": None, "diagnosis": None}
        assert "shifts.svg" in card_files(report, predictor.bundle)


def test_of_many_cases_whole_groups_are_chosen_evenly(tmp_path, monkeypatch):
    data = write_discs(tmp_path / "data", {"test": 8})
    with (data / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    write_table(data, [{**row, "group": f"g{index // 2}"} for index, row in enumerate(rows)])
    monkeypatch.setattr("resformer_unet.evaluation.stress.MOST_CASES", 5)
    monkeypatch.setattr("resformer_unet.evaluation.stress.shifts_for", lambda modality: ())
    seen = []
    stress_test(load_dataset(data, "test"), Predictor(save_tiny(tmp_path / "tiny"), "cpu"),
                lambda done, total: seen.append((done, total)))  # fmt: skip
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]  # two groups of two


def test_the_risk_is_the_mean_loss_of_the_cases_answered_so_far():
    curve = risk_coverage([3.0, 1.0, 2.0, 4.0], [1.0, 0.0, 0.5, 1.0], threshold=2.5)
    assert curve["coverage"] == [0.25, 0.5, 0.75, 1.0]
    assert curve["risk"] == pytest.approx([0, 0.25, 0.5, 0.625])
    assert curve["area"] == pytest.approx(np.mean([0, 0.25, 0.5, 0.625]))
    assert curve["threshold"] == {"coverage": 0.5, "risk": pytest.approx(0.25)}


def test_cases_without_a_loss_are_left_out_and_all_may_be_flagged():
    curve = risk_coverage([1.0, 2.0], [np.nan, 0.5], threshold=0.0)
    assert curve["coverage"] == [1.0] and curve["threshold"] == {"coverage": 0, "risk": None}
    assert risk_coverage([1.0], [np.nan], 0.0) is None
    assert len(risk_coverage(np.arange(1000), np.zeros(1000), 5)["coverage"]) == 101
