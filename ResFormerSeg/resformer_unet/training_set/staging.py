"""The files of a case on their way into a training set, and what is left of one whose process was killed.

The files are written into a hidden folder of the case's name, then moved; the folder goes when the table names the
case. So a folder that is found while the set's lock is held tells of a case that may be unfinished.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from resformer_unet.image.medical_image import case_id

FILES = ("images", "masks")
_PREFIX = ".adding-"


def staging_folder(folder: Path, name: str) -> Path:
    return folder / f"{_PREFIX}{name}"


def place(folder: Path, staging: Path) -> None:
    """Move the files of a case to where they belong. The case's name is free, so nothing is overwritten.

    Raises:
        OSError: also FileExistsError.
    """
    for kind in FILES:
        for file in _files(staging / kind):
            target = folder / kind / file.name
            if target.exists():
                raise FileExistsError(17, "a file of that name has appeared", str(target))
            os.rename(file, target)


def remove_unfinished(folder: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Remove the files of cases that were not added completely; the set's lock must be held.

    Args:
        rows: of the table; a case that it names is complete.

    Raises:
        OSError: where something cannot be removed.
    """
    complete = {row["id"] for row in rows}
    for staging in folder.glob(f"{_PREFIX}*"):
        name = staging.name.removeprefix(_PREFIX)
        if name not in complete:
            remove_files(folder, name)
        shutil.rmtree(staging)


def remove_files(folder: Path, name: str) -> None:
    """Remove image and mask of a case."""
    for kind in FILES:
        for file in _files(folder / kind):
            if case_id(file) == name:
                shutil.rmtree(file) if file.is_dir() and not file.is_symlink() else file.unlink()


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
