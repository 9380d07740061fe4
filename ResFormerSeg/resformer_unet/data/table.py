"""The table of a data set: one row a case. Read with Python's own modules, so that any program can list the cases."""

from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from collections import Counter
from pathlib import Path

from resformer_unet.errors import EngineError

SPLITS = ("train", "val", "test")
TABLE = "labels.csv"
FEWEST_TRAINING_CASES = 2  # batch normalisation needs a second picture
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_table(folder: Path) -> list[dict[str, str]]:
    """Rows of a data set's ``labels.csv`` by column, stripped; UTF-8, or UTF-16 with a byte order mark.

    The text is in Unicode's form NFC: two tables, or a table and the names of files, may write the same letter in two
    ways. Two such labels would be two diagnoses, two such groups one patient in two splits.

    Raises:
        EngineError: DATASET_NOT_FOUND, DATASET_INVALID.
    """
    table = folder / TABLE
    if not table.is_file():
        raise EngineError(
            "DATASET_NOT_FOUND",
            f"{folder} is not a data set: it has no {TABLE}.",
            f"Give a folder with {TABLE}, images/ and masks/.",
        )
    try:
        content = table.read_bytes()
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
        reader = csv.reader(io.StringIO(unicodedata.normalize("NFC", text), newline=""))
        columns = [name.strip() for name in next(reader, [])]
        lines = [[value.strip() for value in line] for line in reader]
        rows = [dict(zip(columns, line, strict=False)) for line in lines if any(line)]
    except OSError as error:
        raise EngineError(
            "DATASET_INVALID", f"{table} cannot be read ({error.strerror}).", "Check the permissions."
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise EngineError(
            "DATASET_INVALID", f"{table} is not a table in UTF-8 ({error}).", "Save it as CSV UTF-8."
        ) from None
    if missing := {"id", "label", "split", "group"} - set(columns):
        raise EngineError(
            "DATASET_INVALID",
            f"{table} has no column {', '.join(sorted(missing))}.",
            "Its first line must name the columns id, label, split and group, with commas between them.",
        )
    rows = [{**dict.fromkeys(columns, ""), **row} for row in rows]  # a row may end early
    twice = [name for name, count in Counter(row["id"] for row in rows).items() if count > 1]
    if twice:
        raise EngineError("DATASET_INVALID", f"{table} names “{twice[0]}” more than once.", "Each case has one row.")
    return rows
