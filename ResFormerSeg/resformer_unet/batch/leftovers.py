"""What killed processes left in an output folder; and the marks of the jobs that run there."""

from __future__ import annotations

import re
import uuid
from contextlib import suppress
from pathlib import Path

from resformer_unet.atomic_files import remove_leftovers

RENEWED_S = 60.0  # how often a job renews its mark
DEAD_S = 900.0  # after which a mark that was not renewed is that of a killed job
_MARK = re.compile(r"\.[0-9a-f]{32}\.job")


def new_mark(output: Path) -> Path:
    """A file that marks a job in its output folder as long as it runs.

    Raises:
        OSError: if it cannot be made.
    """
    mark = output / f".{uuid.uuid4().hex}.job"
    mark.touch(exist_ok=False)
    return mark


def remove_leftovers_of_killed(output: Path, own: Path | None = None) -> None:
    """Remove what killed processes left in ``output``, unless another job runs there: the files may be its own.

    Args:
        own: the mark of this job, if it has one.

    Raises:
        OSError: if the folder cannot be listed or written to.
    """
    others = [file for file in output.iterdir() if _MARK.fullmatch(file.name) and file != own]
    if others:
        mark = own or new_mark(output)
        mark.touch()
        now = mark.stat().st_mtime  # by the clock of the disk, which several machines share
        if own is None:
            mark.unlink()
        others = [file for file in others if not _removed_if_dead(file, now)]
    if not others:
        remove_leftovers(output)


def _removed_if_dead(mark: Path, now: float) -> bool:
    with suppress(OSError):  # another process may have removed it
        if now - mark.stat().st_mtime <= DEAD_S:
            return False
        mark.unlink()
    return True
