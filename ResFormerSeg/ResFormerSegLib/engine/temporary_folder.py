"""A folder for the files of one run, below the application's own temporary folder.

It holds a patient's image. Should the application die, the worker removes it; should the worker die, too, the next
application does. A lock, which ends with the process that holds it, tells whether a folder is still in use.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

PREFIX = "ResFormerSeg-"
LOCK = "in-use"  # a file in the folder, locked by the application
UNLOCKED_SECONDS = 24 * 3600.0  # after which a folder without that file, of an older version, counts as left behind

_locks: dict[Path, BinaryIO] = {}


def makeTemporaryFolder() -> Path:
    parent = slicer.app.temporaryPath
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        _locks[folder] = (folder / LOCK).open("wb")
    except OSError as error:
        raise temporaryFolderError(parent, error) from error
    _lock(_locks[folder])
    return folder


def removeTemporaryFolder(folder: Path | None) -> None:
    """On Windows a file that a worker still has open stays: call it again once the worker has ended."""
    if folder is None:
        return
    if (file := _locks.pop(folder, None)) is not None:
        file.close()
    shutil.rmtree(folder, ignore_errors=True)


def removeLeftovers() -> None:
    """Removes the folders of applications that have died. Those of living ones, and of other users, stay."""
    for folder in Path(slicer.app.temporaryPath).glob(f"{PREFIX}*"):
        try:
            if not folder.is_symlink() and folder not in _locks and _isLeftBehind(folder):
                shutil.rmtree(folder)
                logging.info("Removed a temporary folder that an application had left behind")
        except OSError as error:  # of another user, or gone meanwhile
            logging.info("A temporary folder that was left behind cannot be removed: %s", error.strerror)


def _isLeftBehind(folder: Path) -> bool:
    """Raises OSError."""
    if not (folder / LOCK).exists():
        return time.time() - folder.stat().st_mtime > UNLOCKED_SECONDS
    with (folder / LOCK).open("r+b") as file:
        return _lock(file)


def _lock(file: BinaryIO) -> bool:
    """False when another process holds the lock, or where the disk has none: it is then in use for all we know."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def temporaryFolderError(folder, error: OSError) -> ResFormerSegError:
    return ResFormerSegError(
        "TEMPORARY_FOLDER_NOT_WRITABLE",
        _("The temporary folder {folder} cannot be written to: {reason}.").format(
            folder=folder, reason=error.strerror or error
        ),
        _("Free some disk space, or choose another temporary folder in the application settings."),
    )
