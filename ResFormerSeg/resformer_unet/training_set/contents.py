"""What a training set holds: its rows as cases, counted by class and split.

The set is a data set as ``docs/data-format.md`` describes it, with columns of its own for who added a case and when.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.data.table import SPLITS, TABLE, read_table
from resformer_unet.errors import EngineError
from resformer_unet.training_set.locking import locked

COLUMNS = ("id", "label", "split", "group", "corrected_by", "added", "image_digest")
LOCK = ".lock"
LAST = ".last-case"  # the highest number that a case has ever had
MODELS = "models"  # folder for models that are trained on the set
NO_LABEL = ""
_PATIENCE = 60.0  # seconds that another program may need to write a case


@dataclass(frozen=True)
class CollectedCase:
    """A case of a training set.

    Attributes:
        id: name of its files without suffix; says nothing of the patient.
        label: id of the confirmed diagnosis; empty if unknown.
        group: code of the patient.
        corrected_by: who confirmed mask and diagnosis; empty if not stated.
        added: date and time, ISO 8601; empty for cases that were put there by other means.
    """

    id: str
    label: str
    split: str
    group: str
    corrected_by: str = ""
    added: str = ""

    @classmethod
    def of(cls, row: Mapping[str, str]) -> CollectedCase:
        names = ("id", "label", "split", "group", "corrected_by", "added")
        return cls(**{name: row.get(name, "") for name in names})


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Rows of the table; none of a folder that has no table yet.

    Raises:
        EngineError: those of :func:`.read_table`.
    """
    return read_table(folder) if (folder / TABLE).exists() else []


def list_cases(folder: str | Path) -> list[CollectedCase]:
    """The cases in the order of the table.

    Raises:
        EngineError: DATASET_INVALID.
    """
    return [CollectedCase.of(row) for row in rows_of(Path(folder))]


def counts_by_class(cases: Sequence[CollectedCase]) -> dict[str, dict[str, int]]:
    """Number of cases by label and, within it, by split; classes and splits that occur."""
    counts = Counter((case.label, case.split) for case in cases)
    splits = [*SPLITS, *sorted({case.split for case in cases} - set(SPLITS))]
    return {
        label: {split: counts[label, split] for split in splits if split in SPLITS or counts[label, split]}
        for label in sorted({case.label for case in cases})
    }


def write_rows(folder: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write the table, whole or not at all; columns that others have added stay.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    columns = list(dict.fromkeys([*(name for row in rows for name in row), *COLUMNS]))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    atomic_write_text(folder / TABLE, text.getvalue())


def set_locked(folder: Path, seconds: float = _PATIENCE) -> AbstractContextManager[None]:
    """Keeps other processes from changing the set.

    Raises:
        EngineError: TRAINING_SET_BUSY, OUTPUT_NOT_WRITABLE, LOCK_UNSUPPORTED.
    """
    busy = EngineError(
        "TRAINING_SET_BUSY", f"Another program is changing the training set “{folder}”.", "Try again in a moment."
    )
    return locked(folder / LOCK, busy, seconds)
