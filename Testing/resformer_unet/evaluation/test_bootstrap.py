"""Confidence intervals of an evaluation's figures."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest

from resformer_unet.evaluation.bootstrap import CHUNK, RESAMPLES, confidence_intervals
from resformer_unet.evaluation.evaluation_units import evaluation_units
from resformer_unet.evaluation.reported_metrics import segmentation_metrics

CLASSES = ["a", "b", "c"]


def case(name: str, **changes) -> dict:
    row = {"case": name, "group": name, "volume": False, "label": None, "diagnosis": None, "dice": None,
           "jaccard": None, "false_positive": None, "lesion_free_slices": None}  # fmt: skip
    return {**row, **changes}


def noisy_rows(count: int = 60, groups: int | None = None) -> list[dict]:
    random = np.random.default_rng(7)
    rows = []
    for index in range(count):
        dice, probabilities = random.uniform(), random.dirichlet((1, 1, 1)).round(1)
        rows.append(
            case(
                str(index),
                group=str(index % (groups or count)),
                label=CLASSES[random.integers(3)],
                diagnosis={"label": "a", "probabilities": dict(zip(CLASSES, probabilities, strict=True))},
                dice={"lesion": dice},
                jaccard={"lesion": dice / (2 - dice)},
            )
        )
    return rows


def test_drawing_a_case_twice_counts_it_twice():
    rows = [case("a", dice={"lesion": 1.0}, jaccard={"lesion": 1.0}), case("b", dice={"lesion": 0.4}, jaccard={})]
    found = segmentation_metrics(rows, ["lesion"], np.array([[2, 1], [0, 3]]))
    assert found["dice"]["lesion"] == pytest.approx([0.8, 0.4])


def test_chunks_draw_the_same_resamples_as_one_draw_of_all(monkeypatch):
    rows = noisy_rows(30)
    units = evaluation_units(rows, CLASSES)
    in_chunks = confidence_intervals(rows, ["lesion"], units, CLASSES)
    monkeypatch.setattr("resformer_unet.evaluation.bootstrap.CHUNK", RESAMPLES)
    at_once = confidence_intervals(rows, ["lesion"], units, CLASSES)["figures"]
    for name, bounds in in_chunks["figures"].items():
        assert (bounds or [None]) == pytest.approx(at_once[name] or [None]), name


def peak_bytes(cases: int) -> int:
    rows = noisy_rows(cases)
    units = evaluation_units(rows, CLASSES)
    tracemalloc.start()
    confidence_intervals(rows, ["lesion"], units, CLASSES, resamples=200)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_grows_linearly_with_the_cases():
    peak_bytes(10)  # imports and caches
    small, large = peak_bytes(500), peak_bytes(2000)
    assert large < 4.5 * small
    assert large < 40 * CHUNK * 2000  # bytes: at most five arrays of eight-byte numbers a chunk


def test_memory_does_not_grow_with_the_resamples():
    rows = noisy_rows(500)
    peaks = []
    for resamples in (200, 1000):
        tracemalloc.start()
        confidence_intervals(rows, ["lesion"], None, [], resamples=resamples)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 200_000  # the figures themselves, eight bytes each


def test_two_thousand_resamples_of_six_hundred_cases_take_little_time():
    rows = noisy_rows(600)
    started = time.process_time()
    confidence_intervals(rows, ["lesion"], evaluation_units(rows, CLASSES), CLASSES)
    assert time.process_time() - started < 10  # processor seconds; about one on an idle machine


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others():
    rows = noisy_rows()
    units = evaluation_units(rows, CLASSES)
    first, again, other = (confidence_intervals(rows, ["lesion"], units, CLASSES, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["figures"]["accuracy"] != other["figures"]["accuracy"]


def test_the_interval_of_a_mean_is_about_that_of_the_normal_distribution():
    rows = noisy_rows(200)
    values = np.array([row["dice"]["lesion"] for row in rows])
    low, high = confidence_intervals(rows, ["lesion"], None, [])["figures"]["dice_lesion"]
    error = 1.96 * values.std() / np.sqrt(200)
    assert (low, high) == pytest.approx((values.mean() - error, values.mean() + error), abs=0.01)


def test_cases_of_one_group_are_drawn_together_so_fewer_groups_make_wider_intervals():
    def width(rows):
        result = confidence_intervals(rows, ["lesion"], None, [])
        return result["groups"], float(np.diff(result["figures"]["dice_mean"])[0])

    alone = [case(str(i), dice={"lesion": float(i % 10 > 4)}, jaccard={}) for i in range(60)]
    grouped = [{**row, "group": str(index % 10)} for index, row in enumerate(alone)]
    assert width(alone)[0] == 60 and width(grouped)[0] == 10
    assert width(grouped)[1] > 1.5 * width(alone)[1]


def test_an_undefined_figure_has_no_interval():
    one = [case("a", dice={"lesion": 0.5}, jaccard={"lesion": 0.3})]
    assert confidence_intervals(one, ["lesion"], None, [])["figures"]["dice_lesion"] is None  # one group says nothing
    rows = noisy_rows()
    intervals = confidence_intervals(rows, ["lesion"], evaluation_units(rows, CLASSES), CLASSES)["figures"]
    assert intervals["false_positive_rate"] is None  # no lesion-free case
    assert "ece" not in intervals


def test_with_one_class_accuracy_has_an_interval_and_areas_have_none():
    rows = [{**row, "label": "a"} for row in noisy_rows()]
    intervals = confidence_intervals(rows, [], evaluation_units(rows, CLASSES), CLASSES)["figures"]
    assert intervals["accuracy"] is not None and intervals["macro_auc"] is None
    assert intervals["sensitivity_b"] is None
