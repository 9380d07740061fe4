"""The progress of a job over all its passes, and an estimate of the remaining time."""

from __future__ import annotations

import time


class JobProgress:
    """Fraction and remaining time of a job whose engine goes over one or more images ("passes") slice by slice.

    passes: how many images; they are assumed to take equally long.

    >>> progress = JobProgress(passes=2)
    >>> progress.update(done=5, total=20)   # fraction 0.125
    >>> progress.endPass()                  # fraction 0.5
    """

    def __init__(self, passes: int = 1) -> None:
        self.fraction = 0.0  # 0 to 1
        self._passes = passes
        self._passesDone = 0
        self._stageStarted = time.monotonic()

    def startStage(self) -> None:
        """To be called at the start of each stage: loading a model and computing have different paces."""
        self._stageStarted = time.monotonic()

    def update(self, done: int, total: int) -> float | None:
        """Takes over the slices done in the present pass; returns the seconds left, None while there is no pace yet."""
        self.fraction = min(1.0, (self._passesDone + done / max(1, total)) / self._passes)
        if done <= 0:
            return None
        left = total * (self._passes - self._passesDone) - done
        return (time.monotonic() - self._stageStarted) / done * max(0, left)

    def restartPass(self) -> None:
        self.fraction = min(1.0, self._passesDone / self._passes)

    def endPass(self) -> None:
        self._passesDone += 1
        self.restartPass()
