"""One process at a time: locks that end with the process that holds them, also on a shared disk."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from resformer_unet.atomic_files import writing_errors
from resformer_unet.errors import EngineError

_HELD_BY_ANOTHER = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_PAUSE = 0.05  # seconds between two looks
_held: set[BinaryIO] = set()


def _let_go() -> None:
    """A process that was forked off, such as one that prepares images, must not hold its parent's locks after it."""
    for file in _held:
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):  # Windows has none, and no fork
    os.register_at_fork(after_in_child=_let_go)


@contextmanager
def locked(path: Path, busy: EngineError, seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock of a file, which is made where it is missing and stays.

    Args:
        busy: raised when another process still holds the lock after that many seconds.

    Raises:
        EngineError: ``busy``; OUTPUT_NOT_WRITABLE; DISK_FULL; LOCK_UNSUPPORTED on a disk that has no locks.
    """
    with writing_errors(path):
        file = path.open("ab")
    with file:
        ends = time.monotonic() + seconds
        while not _lock(file, path):
            if time.monotonic() >= ends:
                raise busy
            time.sleep(_PAUSE)
        _held.add(file)
        try:
            yield
        finally:
            _held.discard(file)


def _lock(file: BinaryIO, path: Path) -> bool:
    """False when another process holds the lock."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_BY_ANOTHER:
            return False
        raise EngineError(
            "LOCK_UNSUPPORTED",
            f"Files in “{path.parent}” cannot be locked ({error.strerror}): two programs could overwrite each other.",
            "Choose a folder on another disk.",
        ) from None
    return True
