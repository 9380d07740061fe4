"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0


def print_line(line: str, stream: TextIO) -> None:
    """Print a line at once. A closed pipe (``| head``) neither stops the work nor is an error."""
    try:
        print(line, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # so that flushing at exit succeeds too


class Progress:
    """Called with (task, steps done, steps in all); a new task starts a new bar."""

    def __init__(self, stream=None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tqdm | None = None
        self._task: str | None = None
        self._printed_at = 0.0

    def __call__(self, task: str, done: int, total: int) -> None:
        if self._stream.isatty():
            self._draw(task, done, total)
        elif task != self._task or done == total or time.monotonic() - self._printed_at > SECONDS_BETWEEN_LINES:
            print_line(f"{task}: {done} of {total}", self._stream)
            self._printed_at = time.monotonic()
        self._task = task

    def note(self, line: str) -> None:
        """Print a line without breaking the bar."""
        from tqdm import tqdm

        tqdm.write(line, file=self._stream)

    def close(self) -> None:
        """End the bar, so that other output can follow."""
        if self._bar:
            self._bar.close()
        self._bar = self._task = None

    def _draw(self, task: str, done: int, total: int) -> None:
        if self._bar is None or task != self._task:
            from tqdm import tqdm  # not before: it takes longer to import than the command line itself

            self.close()
            self._bar = tqdm(total=total, initial=done, desc=task, file=self._stream, dynamic_ncols=True)
        self._bar.total = total
        self._bar.update(done - self._bar.n)
