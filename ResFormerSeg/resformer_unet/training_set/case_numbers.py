"""The numbers of a training set's cases, of which none is given twice.

Whoever knows a case by its name, such as a training that was interrupted or a list of results, must not meet another
image under it. So the highest number is kept in a file beside the table, also once its case was removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.training_set.contents import LAST
from resformer_unet.training_set.staging import FILES

_NAME = re.compile(r"case-(\d+)")


def free_name(folder: Path, rows: Sequence[Mapping[str, str]]) -> str:
    """The name with the number after the highest that the table, a file or an earlier case has; the set is locked."""
    names = [row["id"] for row in rows]
    names += [path.name for kind in FILES if (folder / kind).is_dir() for path in (folder / kind).iterdir()]
    return f"case-{max(_highest(names), _remembered(folder)) + 1:04}"


def remember_number(folder: Path, names: Iterable[str]) -> None:
    """Keep the numbers of these cases from being given again; the set is locked.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    highest = _highest(names)
    if highest > _remembered(folder):
        atomic_write_text(folder / LAST, f"{highest}\n")


def _highest(names: Iterable[str]) -> int:
    return max((int(match[1]) for match in map(_NAME.match, names) if match), default=0)


def _remembered(folder: Path) -> int:
    """0 for a set of an earlier version, and for a file that holds no number."""
    try:
        return int((folder / LAST).read_text("ascii"))
    except (OSError, ValueError):
        return 0
