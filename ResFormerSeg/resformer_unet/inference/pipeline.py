"""A prediction's steps as a pipeline: the next item is read while the network runs, and every step is timed."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")


def read_ahead(
    items: Iterable[Item], read: Callable[[Item], Read], ahead: int = 1
) -> Iterator[tuple[Item, Future[Read]]]:
    """Read items in another thread, in their order, at most ``ahead`` beyond the one that is yielded.

    SimpleITK lets other threads run while it reads. Of what was read at most ``ahead + 1`` are in memory at once, if
    the caller lets go of each (of its future too) before asking for the next.

    Args:
        read: what it raises is raised by the future's ``result()``.
    """
    reader = ThreadPoolExecutor(1, "reader")
    waiting: deque[tuple[Item, Future[Read]]] = deque()
    try:
        for item in items:
            waiting.append((item, reader.submit(read, item)))
            if len(waiting) > ahead:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()
    finally:
        reader.shutdown(wait=False, cancel_futures=bool(waiting))  # which are left if the caller stops early


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
