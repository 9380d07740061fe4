"""Work in steps between which the application handles its events."""

from __future__ import annotations

import time
from collections.abc import Generator

STEP_SECONDS = 0.008
UNFINISHED = object()


def stepped(steps: Generator) -> object:
    """Goes on with a generator for some milliseconds: what it returns, or UNFINISHED."""
    deadline = time.monotonic() + STEP_SECONDS
    while time.monotonic() < deadline:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
    return UNFINISHED
