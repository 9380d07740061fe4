"""Frames that the worker has not answered yet, and how far the screen lags behind the source."""

from __future__ import annotations

import time

from ResFormerSegLib.live.feed import Frame
from ResFormerSegLib.live.source import OnScreen

MOST_PLACES = 200


class Lag:
    """Since when what the screen shows is no longer what the source shows."""

    def __init__(self) -> None:
        self._left: dict[OnScreen, float] = {}

    def leave(self, place: OnScreen) -> None:
        """The source shows another place now."""
        while len(self._left) >= MOST_PLACES:
            del self._left[next(iter(self._left))]
        self._left[place] = time.monotonic()

    def arrive(self, place: OnScreen) -> None:
        """The screen shows this place now; earlier ones do not count any more."""
        left = self._left.get(place)
        self._left = {} if left is None else {other: when for other, when in self._left.items() if when >= left}

    def left(self, place: OnScreen | None) -> float | None:
        """When the source left the place; None if it has not."""
        return self._left.get(place)


class WaitingFrames:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._frames: dict[int, Frame] = {}
        self.asked: OnScreen | None = None  # the place of the last one, answered or not

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Frame) -> None:
        self._frames[frame.number] = frame
        self.asked = frame.place

    def take(self, number) -> Frame | None:
        """The frame that was answered; None if it is not known. Older ones get no answer any more."""
        frame = self._frames.pop(number, None)
        if frame is not None:
            self._frames = {other: row for other, row in self._frames.items() if other > number}
        return frame

    def askAgain(self) -> None:
        """The last place is asked about again, unless its answer is still on its way."""
        if not self._frames:
            self.asked = None
