"""Findings of a data set check, and their table for the user."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field

from resformer_unet.errors import EngineError
from resformer_unet.image.stored_segments import StoredSegment

SHOWN = 5  # cases named in a line
WIDTHS = (9, 46, 46)  # characters of the table's columns


@dataclass(frozen=True)
class Finding:
    """A problem of a data set: what, in which cases, and how to fix it.

    Attributes:
        error: True if it prevents training; False for a warning, which may be intended.
        code: stable identifier in upper snake case.
    """

    error: bool
    code: str
    what: str
    fix: str
    cases: tuple[str, ...] = ()

    @classmethod
    def of(cls, error: EngineError, cases: Sequence[str] = ()) -> Finding:
        return cls(True, error.code, error.message, error.hint, tuple(cases))

    @property
    def named(self) -> str:
        """The first of the cases."""
        more = len(self.cases) - SHOWN
        return ", ".join(self.cases[:SHOWN]) + (f" and {more} more" if more > 0 else "")


@dataclass
class DataReport:
    """Findings of a check, the errors first, and what the data set holds.

    Attributes:
        summary: lines such as “1801 train, 199 val, 150 test cases”.
        mask_values: values other than 0 of each case's mask, by the case's id.
        mask_segments: the segments that masks name, in the same way, if the model is not known.
    """

    folder: str
    summary: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    mask_values: dict[str, frozenset[int]] = field(default_factory=dict)
    mask_segments: dict[str, tuple[StoredSegment, ...]] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.error]

    @property
    def verdict(self) -> str:
        """One sentence."""
        errors, warnings = len(self.errors), len(self.findings) - len(self.errors)
        counts = f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"
        return f"{counts}: " + ("fix the errors before training." if errors else "ready for training.")

    def add(self, error: bool, code: str, what: str, fix: str, cases: Sequence[str] = ()) -> None:
        self.findings.append(Finding(error, code, what, fix, tuple(cases)))

    def sort(self) -> None:
        """Errors before warnings; otherwise in the order in which they were found."""
        self.findings.sort(key=lambda finding: not finding.error)

    def raise_first_error(self) -> None:
        """Raises ``EngineError`` for the first error, saying how many more there are."""
        if not self.errors:
            return
        first = self.errors[0]
        what = f"{first.what} Cases: {first.named}." if len(first.cases) > 1 else first.what
        if more := len(self.errors) - 1:
            what += f" {more} other error{'s were' if more > 1 else ' was'} found."
        raise EngineError(first.code, what, first.fix)

    def table(self) -> list[str]:
        """Lines to print; none if nothing was found."""
        if not self.findings:
            return []
        lines = [*_line("", "problem", "how to fix it"), "-".join("-" * (width + 2) for width in WIDTHS)]
        for finding in self.findings:
            what = f"{finding.what} ({finding.named})" if finding.cases else finding.what
            lines += _line("ERROR" if finding.error else "warning", what, finding.fix)
        return lines


def counted(cases: Sequence[str]) -> str:
    """For instance “3 cases”."""
    return f"{len(cases)} case{'s' if len(cases) > 1 else ''}"


def _line(*cells: str) -> list[str]:
    """One line of the table, as many lines of text as its longest cell needs."""
    columns = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, WIDTHS, strict=True)]
    height = max(map(len, columns))
    filled = [column + [""] * (height - len(column)) for column in columns]
    return [
        " | ".join(text.ljust(width) for text, width in zip(texts, WIDTHS, strict=True)).rstrip()
        for texts in zip(*filled, strict=True)
    ]
