"""A folder for the files of one run, below the application's own temporary folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError


def makeTemporaryFolder() -> Path:
    parent = slicer.app.temporaryPath
    try:
        return Path(tempfile.mkdtemp(prefix="ResFormerSeg-", dir=parent))
    except OSError as error:
        raise temporaryFolderError(parent, error) from error


def removeTemporaryFolder(folder: Path | None) -> None:
    """On Windows a file that a worker still has open stays: call it again once the worker has ended."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def temporaryFolderError(folder, error: OSError) -> ResFormerSegError:
    return ResFormerSegError(
        "TEMPORARY_FOLDER_NOT_WRITABLE",
        _("The temporary folder {folder} cannot be written to: {reason}.").format(
            folder=folder, reason=error.strerror or error
        ),
        _("Free some disk space, or choose another temporary folder in the application settings."),
    )
