"""The moment at which a fault strikes: the n-th time that the job opens, moves, makes or removes a file or a process.

Counted by Python's audit events, so that the moment depends on nothing but the job, and every step of writing has its
turn; native code has no such events, so other faults strike by the clock.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

_EVENTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.scandir", "os.listdir", "subprocess.Popen"}
_WRITING = {"os.rename", "os.mkdir"}
_OF_PYTHON = ("/proc/", "/dev/", "/sys/")


def is_write(event: str, arguments: tuple) -> bool:
    if event != "open":
        return event in _WRITING
    path, _mode, flags = arguments
    if not isinstance(path, str | bytes) or not isinstance(flags, int) or os.fsdecode(path).startswith(_OF_PYTHON):
        return False
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def is_event(event: str, arguments: tuple) -> bool:
    if event == "open" and isinstance(path := arguments[0], str):
        return not path.endswith((".py", ".pyc", ".so")) and not path.startswith(_OF_PYTHON)
    return event in _EVENTS


def strike_at(number: int, action: Callable[[], None], counts: Callable[[str, tuple], bool] = is_event) -> None:
    """Call ``action`` at the ``number``-th event of this process, counted from 0."""
    seen = -1

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if counts(event, arguments):
            seen += 1
            if seen == number:
                action()

    sys.addaudithook(hook)


def fail_from(number: int, error: int) -> None:
    """From the ``number``-th writing on, each fails with this number of an error: a disk that is full, or broken."""
    seen = -1

    def hook(event: str, arguments: tuple) -> None:
        nonlocal seen
        if is_write(event, arguments):
            seen += 1
            if seen >= number:
                raise OSError(error, os.strerror(error))

    sys.addaudithook(hook)


def counted(work: Callable[[], int], path: Path) -> Callable[[], int]:
    """As ``work``; counts the events of its process meanwhile and writes "events writings" into the file."""

    def counting() -> int:
        seen = [0, 0]

        def hook(event: str, arguments: tuple) -> None:
            seen[0] += is_event(event, arguments)
            seen[1] += is_write(event, arguments)

        sys.addaudithook(hook)
        code = work()
        path.write_text(f"{seen[0]} {seen[1]}")
        return code

    return counting


DISK_ERRORS = {"full": errno.ENOSPC, "quota": errno.EDQUOT, "read-only": errno.EROFS, "broken": errno.EIO}
