"""Output files that appear complete or not at all."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resformer_unet.errors import NO_ROOM, EngineError

_TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.(json|csv|nrrd|html|dcm)")  # as _empty_file names them


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Give an empty temporary file beside ``path`` to write to; it takes that name when the block succeeds.

    The temporary file keeps the last suffix of ``path`` (writers choose the format by it). It is removed, and a file
    that was there before is left as it was, when the block fails. Missing folders are made.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    path = Path(path)
    with writing_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _empty_file(path, path.parent)  # raises now if nothing can be written here
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Check before a long computation that its result can be written to ``path``; leaves no file.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    path = Path(path)
    if path.is_dir():
        raise EngineError("OUTPUT_NOT_WRITABLE", f"“{path}” is a folder.", "Give the name of the file to write.")
    with writing_errors(path):
        _empty_file(path, next(folder for folder in path.parents if folder.exists())).unlink()


def atomic_write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8, completely or not at all.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    with atomic_file(path) as temporary:
        temporary.write_bytes(text_bytes(text))


def text_bytes(text: str) -> bytes:
    """A text as every file of this package holds it: UTF-8, line breaks as they are.

    The name of a file may be no text on POSIX. Its bytes that are none become escapes, such as ``\\udcff``: from JSON
    they are read back as that name, in a table or a page a person sees them.
    """
    return text.encode("utf-8", "backslashreplace")


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files that killed processes left in ``folder``; no other process may be writing there."""
    for file in folder.iterdir():
        if _TEMPORARY.fullmatch(file.name):
            with suppress(OSError):
                file.unlink()


def _empty_file(path: Path, folder: Path) -> Path:
    temporary = folder / f".{uuid.uuid4().hex}{path.suffix}"
    temporary.touch(exist_ok=False)
    return temporary


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` into ``EngineError`` DISK_FULL or OUTPUT_NOT_WRITABLE, which names ``path``."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise disk_full(path) from None
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"“{path}” cannot be written ({error.strerror}).",
            "Choose a folder in which you may write.",
        ) from None


def disk_full(path: Path) -> EngineError:
    """The error for a file that could not be written completely."""
    return EngineError(
        "DISK_FULL",
        f"“{path}” could not be written completely: the disk or your quota is full.",
        "Free some space, or choose another folder.",
    )
