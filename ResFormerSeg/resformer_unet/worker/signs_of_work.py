"""Whether the process still works, or a call into a library, such as a graphics driver, does not come back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from types import FrameType


class SignsOfWork:
    """Compares where the threads of this process are with where they were: a thread that moves on is a sign of work.

    A thread within one long call of native code, or in a loop that does nothing else, cannot be told from one that is
    stuck. Looks are counted, not seconds: while the computer sleeps nothing moves.

    Args:
        except_for: threads that do no work of a command.
    """

    def __init__(self, except_for: Iterable[threading.Thread]) -> None:
        self._except_for = list(except_for)
        self.reset()

    def reset(self) -> None:
        """Count anew."""
        # Frames themselves and not their ids: while one is kept, no later call can have the same.
        self._places: dict[int, tuple[FrameType, int]] = {}
        self._looks = 0

    def missing(self) -> int:
        """Look at all threads; returns how many looks in succession have found them all where they were before."""
        others = {thread.ident for thread in self._except_for}
        frames = {thread: frame for thread, frame in sys._current_frames().items() if thread not in others}
        places = {thread: (frame, frame.f_lasti) for thread, frame in frames.items()}
        before = self._places
        same = places.keys() == before.keys() and all(
            frame is before[thread][0] and instruction == before[thread][1]
            for thread, (frame, instruction) in places.items()
        )
        self._looks = self._looks + 1 if same else 0
        self._places = places
        return self._looks
