"""The cases of a run, the names of their files, and their outcomes."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import case_name
from resformer_unet.json_text import parse_json

REPORT, SEGMENTATION = ".json", ".seg.nrrd"  # what the files of a case end in
BESIDE_REPORT = r"(\.frames\.[^.]+)?\.seg\.nrrd|\.probability\.[^.]+\.nrrd|\.frames\.csv"
_RESULT = re.compile(rf"(.+?)(\.json|{BESIDE_REPORT})", re.DOTALL)
_NUMBER = re.compile(r"-\d+$")


@dataclass(frozen=True)
class BatchCase:
    """One input and the name that its files have in the output folder.

    ``is_new``: no file of this name was in the folder when the run began, so that it need not be listed again, which
    takes longer with every case.
    """

    input: Path
    name: str
    series: str | None = None
    is_new: bool = False


@dataclass(frozen=True)
class Outcome:
    """The result or the failure of one input.

    Attributes:
        input: as it was given.
        result: its report, or the error.
        case: the name of its files.
        seconds: reading, predicting and writing, or until it failed; ``None`` where that was not measured.
        kept: whether the report is an earlier run's.
    """

    input: Path
    result: dict | EngineError
    case: str = ""
    seconds: float | None = None
    kept: bool = False


def plan_cases(inputs: Sequence[Path], output: Path, series: str | None = None) -> list[BatchCase]:
    """Name the cases before the first one is run, so that names depend neither on failures nor on who is first.

    A case is called as its file or folder; cases of the same name are told apart by ``-2``, ``-3``... in the order of
    the inputs, also where names differ only in capitals or in the Unicode form of a letter, which some file systems do
    not tell apart. An input whose
    result is in ``output`` already keeps that name. No name is given whose files are an input or the result of
    another input. An input that is given twice is one case.
    """
    places: dict[Path, Path] = {}
    for path in inputs:
        places.setdefault(place_of(path), path)
    wanted = {place: _name_of(path, place) for place, path in places.items()}
    existing = _ExistingResults(output, {same_file_name(name) for name in wanted.values()}, set(places))
    taken: set[str] = set()
    cases = []
    for place, path in places.items():
        name = existing.earlier_name(place, series, wanted[place])
        number = 1
        while name is None or same_file_name(name) in taken:
            candidate = wanted[place] if number == 1 else f"{wanted[place]}-{number}"
            name = candidate if existing.is_free(candidate) else None
            number += 1
        taken.add(same_file_name(name))
        cases.append(BatchCase(path, name, series, is_new=existing.is_free(name)))
    return cases


def same_file_name(name: str) -> str:
    """What names have in common that some file system takes for one: in small letters, and in one Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def place_of(path: Path) -> Path:
    """An absolute path without links, by which inputs are told apart."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):  # not a valid path; reading it reports the error
        return path.absolute()


def read_report(output: Path, name: str) -> dict | None:
    """The report of a case, or ``None`` where there is none that was written by this package."""
    return _read(output / f"{name}{REPORT}")


def _read(path: Path) -> dict | None:
    try:
        report = parse_json(path.read_text("utf-8"))
        return report if isinstance(report["input"], str) and "series" in report else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def unfinished_report(output: Path, name: str) -> Path:
    """Where a report lies while the images of this case, but not the report, have their names; never too long."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    return output / f".{digest}.unfinished{REPORT}"


def _name_of(path: Path, place: Path) -> str:
    """As :func:`.read_image` names the image."""
    return (place.name or "image") if os.path.isdir(path) else case_name(path)


class _ExistingResults:
    """The files of the output folder, listed once."""

    def __init__(self, output: Path, wanted: set[str], inputs: set[Path]) -> None:
        files = sorted(os.listdir(output)) if output.is_dir() else []
        self._names: dict[str, str] = {}  # names in use, by their small letters
        self._inputs: set[str] = set()  # of these, those whose files are inputs
        self._earlier: dict[tuple[Path, str | None], list[str]] = defaultdict(list)
        for match in filter(None, map(_RESULT.fullmatch, files)):
            name = same_file_name(match[1])
            self._names[name] = match[1]
            if place_of(output / match[0]) in inputs:
                self._inputs.add(name)
        for name, as_written in self._names.items():
            if name in self._inputs or not {name, _NUMBER.sub("", name)} & wanted:
                continue
            if report := _read(output / f"{as_written}{REPORT}") or _read(unfinished_report(output, as_written)):
                self._earlier[place_of(Path(report["input"])), report["series"]].append(as_written)

    def earlier_name(self, place: Path, series: str | None, wanted: str) -> str | None:
        """The name of an existing result of this input."""
        fitting = (name for name in self._earlier[place, series] if wanted in (name, _NUMBER.sub("", name)))
        return min(fitting, key=lambda name: (len(name), name), default=None)

    def is_free(self, name: str) -> bool:
        """Whether files of this name would replace no existing file."""
        return same_file_name(name) not in self._names
