"""Output files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import EngineError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Give an empty temporary file beside ``path`` to write to; it takes that name when the block ends well.

    The temporary file keeps the last suffix of ``path`` (writers choose the format by it). It is removed, and a file
    that was there before is left as it was, when the block fails. Missing folders are made.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(exist_ok=False)  # tells now, in Python's words, if nothing can be written here
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in _FULL:
            raise disk_full(path) from None
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"“{path}” cannot be written ({error.strerror}).",
            "Choose a folder in which you may write.",
        ) from None


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def disk_full(path: Path) -> EngineError:
    """The error for a file that could not be written to its end."""
    return EngineError(
        "DISK_FULL",
        f"“{path}” could not be written to its end: the disk or your share of it is full.",
        "Make room, or choose another folder.",
    )
