"""Fraction and remaining time of a job with one or several passes over images."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def clock(module, monkeypatch):
    """`clock.now`: the seconds that the job sees."""
    from ResFormerSegLib.runs import progress

    class Clock:
        now = 100.0

    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: Clock.now))
    return Clock


@pytest.fixture
def jobProgress(clock):
    from ResFormerSegLib.runs.progress import JobProgress

    return JobProgress


def test_the_remaining_time_follows_the_pace_of_the_present_stage(jobProgress, clock):
    progress = jobProgress()
    clock.now += 50  # loading the model has another pace
    progress.startStage()
    assert progress.update(0, 20) is None
    clock.now += 4
    assert progress.update(5, 20) == pytest.approx(12.0) and progress.fraction == 0.25


def test_two_passes_are_taken_for_equally_long(jobProgress, clock):
    progress = jobProgress(passes=2)
    clock.now += 4
    assert progress.update(10, 20) == pytest.approx(12.0) and progress.fraction == 0.25
    progress.endPass()
    assert progress.fraction == 0.5
    progress.startStage()
    clock.now += 8
    assert progress.update(20, 20) == 0.0 and progress.fraction == 1.0
    progress.restartPass()
    assert progress.fraction == 0.5
