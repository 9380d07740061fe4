"""Work that takes long, some milliseconds at a time, between which the application handles its events."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from ResFormerSegLib.event_loop import LaterCall, callLater, callSafely

STEP_SECONDS = 0.02


class Steps:
    """Goes through a generator from the event loop, and calls `onDone` with what it returns, unless it is cancelled."""

    def __init__(self, generator: Generator[None, None, Any], onDone: Callable[[Any], None]) -> None:
        self._generator: Generator | None = generator
        self._onDone = onDone
        self._call: LaterCall | None = callLater(self._go)

    def cancel(self) -> None:
        if self._call is not None:
            self._call.cancel()
        if self._generator is not None:
            self._generator.close()
        self._call = self._generator = self._onDone = None

    def _go(self) -> None:
        ends = time.monotonic() + STEP_SECONDS
        while time.monotonic() < ends:
            try:
                next(self._generator)
            except StopIteration as end:
                onDone = self._onDone
                self.cancel()
                callSafely(onDone, end.value)
                return
        self._call = callLater(self._go)
