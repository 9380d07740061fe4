"""Exponential smoothing of probabilities over time."""

from __future__ import annotations

import math

import pytest

from resformer_unet.postprocessing.time_smoothing import TimeSmoothing


def test_an_answer_counts_e_times_less_with_each_time_constant():
    smoothing = TimeSmoothing(0.5)
    assert smoothing.add({"a": 1.0, "b": 0.0}, 10.0) == {"a": 1.0, "b": 0.0}
    smoothed = smoothing.add({"a": 0.0, "b": 1.0}, 10.5)
    assert smoothed["a"] == pytest.approx(1 / math.e) and sum(smoothed.values()) == pytest.approx(1)


def test_how_often_there_are_answers_does_not_matter():
    often, seldom = TimeSmoothing(0.4), TimeSmoothing(0.4)
    for smoothing in (often, seldom):
        smoothing.add({"a": 1.0}, 0.0)
    for step in range(1, 11):
        last = often.add({"a": 0.0}, 0.1 * step)
    assert last == pytest.approx(seldom.add({"a": 0.0}, 1.0))


def test_other_classes_and_a_new_beginning_are_not_mixed_with_what_was():
    smoothing = TimeSmoothing()
    smoothing.add({"a": 1.0, "b": 0.0}, 0.0)
    assert smoothing.add({"c": 0.3, "d": 0.7}, 0.01) == {"c": 0.3, "d": 0.7}
    smoothing.forget()
    assert smoothing.add({"c": 1.0, "d": 0.0}, 0.02) == {"c": 1.0, "d": 0.0}
    assert smoothing.add({"c": 0.0, "d": 1.0}, 0.0) == {"c": 1.0, "d": 0.0}  # a clock that goes back


def test_a_time_constant_is_above_zero():
    for wrong in (0, -1, math.nan):
        with pytest.raises(ValueError, match="above 0"):
            TimeSmoothing(wrong)
