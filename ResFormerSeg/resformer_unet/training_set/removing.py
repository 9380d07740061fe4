"""Removes a case from a training set."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from resformer_unet.errors import EngineError, shown
from resformer_unet.training_set.case_numbers import remember_number
from resformer_unet.training_set.contents import rows_of, set_locked, write_rows
from resformer_unet.training_set.staging import remove_files


def remove_case(folder: str | Path, name: str, seconds: float = 60.0) -> None:
    """Take a case out of the table, then delete its files.

    Args:
        seconds: how long to wait for another program that is changing the set.

    Raises:
        EngineError: CASE_NOT_FOUND, TRAINING_SET_BUSY, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    folder, name = Path(folder), unicodedata.normalize("NFC", name)
    if name not in {row["id"] for row in rows_of(folder)}:
        raise _not_found(folder, name)
    with set_locked(folder, seconds):
        rows = rows_of(folder)
        left = [row for row in rows if row["id"] != name]
        if len(left) == len(rows):
            raise _not_found(folder, name)
        remember_number(folder, [row["id"] for row in rows])  # a set of an earlier version has remembered none
        write_rows(folder, left)
        try:
            remove_files(folder, name)
        except OSError as error:
            raise EngineError(
                "OUTPUT_NOT_WRITABLE",
                f"{name} is no longer in the table, but a file of it could not be deleted ({error.strerror}).",
                "Close the programs that have it open, and delete it by hand.",
            ) from None


def _not_found(folder: Path, name: str) -> EngineError:
    return EngineError(
        "CASE_NOT_FOUND", f"The training set “{folder}” has no case {shown(name)}.", "List its cases, and choose one."
    )
