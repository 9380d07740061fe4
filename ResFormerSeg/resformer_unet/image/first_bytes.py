"""Opens an input before any reader does: whether it is there at all, and may be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.image.file_kinds import START


def first_bytes(path: Path) -> bytes | None:
    """The first :data:`.START` bytes of a file; ``None`` for a folder.

    Raises:
        EngineError: FILE_NOT_FOUND, NO_PERMISSION, NOT_A_FILE (a pipe, which would be waited for).
    """
    with opening_errors(path):
        if path.is_dir():
            os.listdir(path)
            return None
        if path.exists() and not path.is_file():
            raise EngineError("NOT_A_FILE", f"“{path}” is neither a file nor a folder.", "Give a file or a folder.")
        with path.open("rb") as file:
            return file.read(START)


@contextmanager
def opening_errors(path: Path) -> Iterator[None]:
    """Turn what Python raises for a file that cannot be opened into ``EngineError``: FILE_NOT_FOUND, NO_PERMISSION."""
    try:
        yield
    except PermissionError as error:
        raise EngineError(
            "NO_PERMISSION",
            f"“{error.filename or path}” cannot be read: permission denied.",
            "Ask for read permission, or copy it to your own folder.",
        ) from None
    except (OSError, ValueError):  # ValueError: a null character in the name
        raise EngineError(
            "FILE_NOT_FOUND", f"“{path}” does not exist or cannot be opened.", "Check the spelling and the folder."
        ) from None
