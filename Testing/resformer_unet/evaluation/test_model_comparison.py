"""Two models on the same cases: what the difference is, how sure it is, and when nothing can be told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

from helpers.generated_dataset import write_discs, write_table
from helpers.stand_ins import BrightNetwork, stand_in_bundle, stand_in_predictor
from helpers.tiny_model import save_tiny
from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError
from resformer_unet.evaluation import model_comparison
from resformer_unet.evaluation.evaluation_units import evaluation_units
from resformer_unet.evaluation.model_comparison import compare_models
from resformer_unet.evaluation.paired_bootstrap import brier_score, compare_figures

CLASSES = ["benign", "malignant"]


def rows_of(dice: list[float], truth: list[float]) -> list[dict]:
    """Cases of patients of their own, benign and malignant in turn; truth: probability of the right diagnosis."""
    rows = []
    for index, (overlap, probability) in enumerate(zip(dice, truth, strict=True)):
        label = CLASSES[index % 2]
        other = CLASSES[1 - index % 2]
        rows.append(
            {
                "case": f"c{index}", "group": f"p{index}", "volume": False, "label": label,
                "dice": {"lesion": overlap}, "jaccard": {"lesion": overlap / 2}, "false_positive": None,
                "segment_false_positive": None, "lesion_free_slices": None,
                "diagnosis": {"label": label, "probabilities": {label: probability, other: 1 - probability}},
            }
        )  # fmt: skip
    return rows


def figures(first: list[dict], second: list[dict]) -> dict[str, dict]:
    units = [evaluation_units(rows, CLASSES) for rows in (first, second)]
    return {row["figure"]: row for row in compare_figures([first, second], ["lesion"], units, CLASSES, resamples=400)}


def random(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, count)


def test_a_model_against_itself_differs_by_nothing():
    rows = rows_of(random(20).tolist(), random(20, 1).tolist())
    for row in figures(rows, rows).values():
        assert row["difference"] == 0 and row["verdict"] == "undecided"
        assert row["figure"] == "ece" or row["difference_interval"] == [0, 0]


def test_a_small_but_steady_gain_is_told_although_the_cases_differ_much_more():
    dice = random(20)
    found = figures(rows_of(dice.tolist(), [0.6] * 20), rows_of((dice + 0.03).tolist(), [0.6] * 20))["dice"]
    assert found["verdict"] == "better" and found["groups"] == 20
    low, high = found["difference_interval"]
    assert low == pytest.approx(0.03) and high == pytest.approx(0.03)
    assert found["first_interval"][1] - found["first_interval"][0] > 0.1


def test_the_interval_of_ten_patients_difference_is_as_wide_as_students():
    widths = []
    for seed in range(20):
        dice, change = random(10, seed), np.random.default_rng(seed).normal(0, 0.05, 10)
        found = figures(rows_of(dice.tolist(), [0.6] * 10), rows_of((dice + change).tolist(), [0.6] * 10))["dice"]
        expected = stats.t.interval(0.95, 9, change.mean(), change.std(ddof=1) / 10**0.5)
        widths.append(np.diff(found["difference_interval"]).item() / np.diff(expected).item())
    assert np.mean(widths) == pytest.approx(1, abs=0.07)


def test_five_patients_who_all_improved_do_not_tell():
    dice = random(5)
    found = figures(rows_of(dice.tolist(), [0.6] * 5), rows_of((dice + 0.1).tolist(), [0.9] * 5))
    assert {row["verdict"] for row in found.values()} == {"undecided"}


def test_of_the_brier_score_less_is_better_and_of_the_auc_more():
    first = rows_of([0.5] * 20, random(20).tolist())
    second = rows_of([0.5] * 20, (random(20) + 0.19).tolist())
    found = figures(first, second)
    assert found["brier"]["difference"] < 0 and found["brier"]["verdict"] == "better"
    assert figures(second, first)["brier"]["verdict"] == "worse"
    assert found["macro_auc"]["difference"] > 0 and found["ece"]["difference_interval"] is None


def test_the_brier_score_of_certainty():
    assert brier_score(np.array([[1.0, 0.0]]), np.array([0])) == 0
    assert brier_score(np.array([[1.0, 0.0]]), np.array([1])) == 2


@pytest.mark.parametrize(
    ("verdicts", "verdict", "words"),
    [
        (("better", "undecided", "undecided"), "better", "better at the segmentation, on 12"),
        (("worse", "worse", "undecided"), "worse", "worse at the segmentation and the diagnosis"),
        (("better", "undecided", "worse"), "mixed", "better at the segmentation and worse at the probabilities"),
        (("undecided", "undecided", "undecided"), "undecided", "due to chance"),
    ],
)
def test_the_verdict_is_given_in_words(verdicts, verdict, words):
    rows = [
        {"figure": name, "verdict": one, "groups": 12}
        for name, one in zip(model_comparison.DECIDING, verdicts, strict=True)
    ]
    assert model_comparison._verdict(rows) == verdict
    assert words in model_comparison._sentences(verdict, rows, 12)


def test_with_few_patients_it_says_so():
    assert "at least 10 are needed" in model_comparison._sentences("undecided", [], 1)


def test_with_few_masks_and_diagnoses_among_many_patients_it_does_not_speak_of_chance():
    rows = [{"figure": name, "verdict": "undecided", "groups": groups} for name, groups in (("dice", 4), ("brier", 7))]
    text = model_comparison._sentences("undecided", rows, 30)
    assert "on 30 held-out patients" in text and "on 7 of them" in text and "chance" not in text


@pytest.mark.parametrize("verdict", ["undecided", "better"])
@pytest.mark.parametrize(
    ("split", "words", "warned"),
    [
        ("test", "on 12 held-out patients", False),
        ("val", "on 12 patients of the split “val”", True),
        ("train", "on 12 patients of the split “train”", True),
        ("hospital B", "on 12 patients of the split “hospital B”", False),
    ],
)
def test_only_the_split_test_is_called_held_out(split, words, warned, verdict):
    rows = [{"figure": "dice", "verdict": verdict, "groups": 12}]
    text = model_comparison._sentences(verdict, rows, 12, split)
    assert words in text and ("trained on this data set" in text) is warned
    assert ("held-out" in text) is (split == "test")


class DimNetwork(BrightNetwork):
    """Finds nothing: a worse model than the other one."""

    def forward(self, image):
        return super().forward(image * 0.3)


def test_the_better_of_two_models_is_told_and_its_worst_case_comes_first(tmp_path, monkeypatch):
    data = write_discs(tmp_path / "discs", {"train": 1, "test": 12})
    bundle = stand_in_bundle((32, 32))
    good = stand_in_predictor(monkeypatch, bundle)
    bad = stand_in_predictor(monkeypatch, bundle, DimNetwork)
    seen = []
    found = compare_models(data, bad, good, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (24, 24) and found["patients"] == 12
    assert found["verdict"] in ("better", "mixed") and "better at the segmentation" in found["text"]
    scores = [row["dice_second"] + row["probability_second"] for row in found["cases"]]
    assert scores == sorted(scores) and len(scores) == 12
    assert compare_models(data, good, bad)["figures"][0]["verdict"] == "worse"


def test_patients_that_were_trained_on_are_not_held_out(tmp_path, monkeypatch):
    data = write_discs(tmp_path / "discs", {"train": 1, "test": 1})
    row = {"label": "benign", "group": "same"}
    write_table(data, [{"id": "train-0", "split": "train", **row}, {"id": "test-0", "split": "test", **row}])
    predictor = stand_in_predictor(monkeypatch, stand_in_bundle())
    with pytest.raises(EngineError) as caught:
        compare_models(data, predictor, predictor)
    assert caught.value.code == "NO_HELD_OUT_CASES"


def test_models_of_other_tasks_are_refused(tmp_path, monkeypatch):
    data = write_discs(tmp_path / "discs", {"test": 1})
    first = stand_in_predictor(monkeypatch, stand_in_bundle())
    second = stand_in_predictor(monkeypatch, stand_in_bundle(segments=("vessel",), diagnoses=("a", "b")))
    with pytest.raises(EngineError) as caught:
        compare_models(data, first, second)
    assert caught.value.code == "MODELS_NOT_COMPARABLE"


def test_the_command_compares_two_model_folders(tmp_path, capsys):
    data = write_discs(tmp_path / "discs", {"train": 1, "test": 3})
    model = str(save_tiny(tmp_path / "tiny").folder)
    output = tmp_path / "comparison.json"
    assert main(["compare", str(data), "--models", model, model, "--output", str(output), "--device", "cpu"]) == 0
    trained = ["compare", str(data), "--models", model, model, "--split", "train", "--device", "cpu"]
    shown = capsys.readouterr().out
    assert main(trained) == 0 and "held-out" not in capsys.readouterr().out
    assert "Brier score" in shown and "cannot be told on 3 held-out patients" in shown
    assert json.loads(output.read_text())["verdict"] == "undecided"
