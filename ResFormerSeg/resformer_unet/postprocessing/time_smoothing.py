"""Exponential smoothing of probabilities over time, for answers that follow each other.

Only the standard library is imported, so that programs which show such answers can follow the same rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

TIME_CONSTANT_S = 0.5


class TimeSmoothing:
    """The mean of the past, in which an answer counts e times less with each time constant that has passed.

    Whatever the answers' distances in time, it is the same for the same course of the probabilities; they sum to 1.

    Args:
        time_constant_s: seconds, above 0.
    """

    def __init__(self, time_constant_s: float = TIME_CONSTANT_S) -> None:
        if not time_constant_s > 0:
            raise ValueError(f"a time constant is above 0 seconds, and not {time_constant_s}")
        self.time_constant_s = time_constant_s
        self.forget()

    def forget(self) -> None:
        """The next answer is the first one: of another patient, another place, or after a pause."""
        self._mean: dict[str, float] = {}
        self._time = 0.0

    def add(self, probabilities: Mapping[str, float], time_s: float) -> dict[str, float]:
        """The smoothed probabilities at the time of this answer.

        Args:
            probabilities: 0 to 1 by class; other classes than before begin anew.
            time_s: when the image was taken, on any clock.
        """
        weight = 1.0
        if self._mean.keys() == probabilities.keys():
            weight = 1.0 - math.exp(-max(0.0, time_s - self._time) / self.time_constant_s)
        before = self._mean if weight < 1.0 else probabilities
        self._mean = {name: before[name] + weight * (value - before[name]) for name, value in probabilities.items()}
        self._time = time_s
        return dict(self._mean)
