"""The frames that the worker was asked about and has not answered yet."""

from __future__ import annotations

from ResFormerSegLib.live.feed import Frame
from ResFormerSegLib.live.source import OnScreen


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

    def oldest(self) -> float | None:
        """When the first of them came onto the screen; None if none waits."""
        return min((frame.seen for frame in self._frames.values()), default=None)

    def askAgain(self) -> None:
        """The last place is asked about again, unless its answer is still on its way."""
        if not self._frames:
            self.asked = None
