"""Reading the next image while the network works on this one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")


def read_ahead(
    items: Iterable[Item], read: Callable[[Item], Read], ahead: int = 1
) -> Iterator[tuple[Item, Future[Read]]]:
    """Read items in another thread, in their order, never more than ``ahead`` before the one that is given out.

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
