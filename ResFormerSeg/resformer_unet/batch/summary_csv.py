"""``summary.csv``: one row for each case of an output folder, up to date throughout a run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from resformer_unet.atomic_files import atomic_write_text, text_bytes, writing_errors
from resformer_unet.batch.cases import REPORT, Outcome
from resformer_unet.errors import EngineError
from resformer_unet.inference.reliability import reasons_of

NAME = "summary.csv"
_FIRST = ("case", "input", "series", "status", "diagnosis", "probability")
_ADDED = ("reliable", "alerts")  # since the first version; summaries of earlier ones lack them
_LAST = ("warnings", "error", "message", "seconds", "model", "model_version")
_MEASURES = ("voxels", "volume_mm3", "area_mm2")


class Summary:
    """A table in ``output`` that a run adds a row to for each outcome.

    Rows are appended as they come, so that a crash loses none; at the end of the block they are put in the order of
    the inputs. An earlier run's row stays until this run has an outcome of the same input and series, unless its
    report is gone. Nothing is written before the first outcome.
    """

    def __init__(self, output: Path, inputs: Sequence[Path], series: str | None, segments: Sequence[Mapping]) -> None:
        """Raises ``EngineError``: SUMMARY_IN_THE_WAY."""
        self.path = output / NAME
        self._series = series or ""
        self._columns = _columns_of(segments)
        earlier = {(row["input"], row["series"]): row for row in self._earlier_rows()}
        self._columns += sorted({name for row in earlier.values() for name in row} - {*self._columns})
        own = dict.fromkeys((str(path.absolute()), self._series) for path in inputs)
        self._rows: dict[tuple[str, str], dict | None] = earlier | {key: earlier.get(key) for key in own}
        self._others = [row for key, row in earlier.items() if key not in own]
        self._file: TextIO | None = None

    def __enter__(self) -> Summary:
        return self

    def add(self, outcome: Outcome) -> None:
        """Append the row of an outcome.

        Raises:
            EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
        """
        row = _row(outcome, self._series)
        self._rows[row["input"], row["series"]] = row
        with writing_errors(self.path):
            if self._file is None:
                atomic_write_text(self.path, _text(self._columns, self._others, header=True))
                self._file = self.path.open("a", encoding="utf-8", newline="")
            self._file.write(_text(self._columns, [row]))
            self._file.flush()

    def __exit__(self, *_: object) -> None:
        """Raises ``EngineError``: OUTPUT_NOT_WRITABLE, DISK_FULL."""
        if self._file:
            with writing_errors(self.path):
                self._file.close()
            atomic_write_text(self.path, _text(self._columns, self._written(), header=True))

    def _written(self) -> list[Mapping]:
        return [row for row in self._rows.values() if row is not None]

    def left(self) -> _Left:
        """The table that the block has left behind."""
        keys = {(row["input"], row["series"]) for row in self._written()}
        return _Left(self.path, _state_of(self.path), self._columns, keys)

    def _earlier_rows(self) -> list[dict[str, str]]:
        try:
            content = self.path.read_bytes()
            text = content[: content.rfind(b"\n") + 1].decode()  # a killed process may have left half a line
        except FileNotFoundError:
            return []
        except (OSError, ValueError):
            raise self._in_the_way() from None
        reader = csv.DictReader(io.StringIO(text, newline=""))
        if not {*_FIRST, *_LAST} <= set(reader.fieldnames or ()):
            raise self._in_the_way()
        rows = [row for row in reader if None not in row and None not in row.values()]
        folder = self.path.parent
        return [row for row in rows if row["status"] == "failed" or (folder / f"{row['case']}{REPORT}").exists()]

    def _in_the_way(self) -> EngineError:
        return EngineError(
            "SUMMARY_IN_THE_WAY",
            f"“{self.path}” was not written by this program, and is not replaced.",
            "Rename it, or choose another output folder.",
        )


@dataclass
class _Left:
    """A table as this process left it: the state of its file, its columns, and input and series of its rows."""

    path: Path
    state: tuple[int, int, int]
    columns: list[str]
    keys: set[tuple[str, str]]


_left: _Left | None = None


def add_row(output: Path, outcome: Outcome, series: str | None, segments: Sequence[Mapping]) -> None:
    """Add the row of one case, as a :class:`Summary` of this case alone does.

    For a program that goes through its cases itself: a table that is as the last call left it is not read again, and a
    row of a new input is appended, so that a case takes no longer for those before it.

    Raises:
        EngineError: SUMMARY_IN_THE_WAY, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    global _left
    left, _left = _left, None  # what fails midway is read again the next time
    row = _row(outcome, series or "")
    key = row["input"], row["series"]
    with writing_errors(output / NAME):
        known = left is not None and left.path == output / NAME and left.state == _state_of(left.path)
    if known and key not in left.keys and left.columns == _columns_of(segments):
        with writing_errors(left.path):
            with left.path.open("a", encoding="utf-8", newline="") as file:
                file.write(_text(left.columns, [row]))
            left.state = _state_of(left.path)
        left.keys.add(key)
    else:
        with Summary(output, [outcome.input], series, segments) as summary:
            summary.add(outcome)
        with writing_errors(summary.path):
            left = summary.left()
    _left = left


def _state_of(path: Path) -> tuple[int, int, int]:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return 0, 0, 0
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _columns_of(segments: Sequence[Mapping]) -> list[str]:
    measures = [f"{segment['id']}_{measure}" for segment in segments for measure in _MEASURES]
    return [*_FIRST, *_ADDED, *measures, *_LAST]


def _text(columns: Sequence[str], rows: Iterable[Mapping], header: bool = False) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text_bytes(text.getvalue()).decode()


def _row(outcome: Outcome, series: str) -> dict[str, object]:
    row = {
        "case": outcome.case,
        "input": str(outcome.input.absolute()),
        "series": series,
        "seconds": "" if outcome.seconds is None else outcome.seconds,
    }
    if isinstance(outcome.result, EngineError):
        return {**row, "status": "failed", "error": outcome.result.code, "message": str(outcome.result)}
    report = outcome.result
    row |= {"status": "done", "warnings": "; ".join(warning["code"] for warning in report["warnings"])}
    row |= {"model": report["model"]["id"], "model_version": report["model"]["version"]}
    row["reliable"] = "no" if reasons_of(report) else "yes"
    if report["diagnosis"]:
        row |= {
            "diagnosis": report["diagnosis"]["label"],
            "probability": round(report["diagnosis"]["probability"], 4),
            "alerts": "; ".join(alert["class"] for alert in report["diagnosis"].get("alerts", ())),
        }
    areas = report["slices"][0]["area_mm2"] if len(report["slices"]) == 1 else None
    for segment in report["segments"]:
        volume = segment["volume_mm3"]
        row[f"{segment['id']}_voxels"] = segment["voxels"]
        row[f"{segment['id']}_volume_mm3"] = "" if volume is None else round(volume, 3)
        row[f"{segment['id']}_area_mm2"] = "" if areas is None else round(areas[segment["id"]], 3)
    return row
