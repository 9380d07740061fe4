"""How long a run will still take, guessed from the slices that are done."""

from __future__ import annotations

import time


class TimeLeft:
    """Start it with each stage of the work (loading and computing have different paces), then tell it of progress."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def startStage(self) -> None:
        self._started = time.monotonic()

    def seconds(self, done: int, total: int) -> float | None:
        """None as long as nothing is done: there is no pace yet."""
        if done <= 0:
            return None
        return (time.monotonic() - self._started) / done * max(0, total - done)
