"""Where the time of a prediction goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up seconds by step, also of steps that take turns.

    >>> watch = Stopwatch()
    >>> with watch.step("network"):
    ...     ...
    >>> watch.seconds
    {'network': 0.0042}
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._started = time.perf_counter()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - started

    def total(self) -> float:
        """Seconds since the watch was made, steps or not."""
        return time.perf_counter() - self._started
