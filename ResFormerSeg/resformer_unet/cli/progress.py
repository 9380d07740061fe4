"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from typing import TextIO

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 5.0


def tell(line: str, stream: TextIO) -> None:
    """Print a line now. A reader who has left (``| head``) neither stops the work nor is an error."""
    try:
        print(line, file=stream, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # nor is what is left when Python ends


class Progress:
    """Call it with what is being done, how much is done and how much there is; a new ``what`` begins a new bar."""

    def __init__(self, stream=None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tqdm | None = None
        self._what: str | None = None
        self._told = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._stream.isatty():
            self._draw(what, done, total)
        elif what != self._what or done == total or time.monotonic() - self._told > SECONDS_BETWEEN_LINES:
            tell(f"{what}: {done} of {total}", self._stream)
            self._told = time.monotonic()
        self._what = what

    def note(self, line: str) -> None:
        """Print a line without breaking the bar."""
        tqdm.write(line, file=self._stream)

    def close(self) -> None:
        """End the bar, so that other text can follow."""
        if self._bar:
            self._bar.close()
        self._bar = self._what = None

    def _draw(self, what: str, done: int, total: int) -> None:
        if self._bar is None or what != self._what:
            self.close()
            self._bar = tqdm(total=total, initial=done, desc=what, file=self._stream, dynamic_ncols=True)
        self._bar.total = total
        self._bar.update(done - self._bar.n)
