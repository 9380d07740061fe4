"""A row of the list of cases, and the order of the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from slicer.i18n import tr as _

from resformer_unet.batch.case_row import CaseRow, SegmentSize
from ResFormerSegLib.cases.case_input import CaseInput
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.texts import millilitresText, percentText, wholeText

WAITING, RUNNING, DONE, KEPT, FAILED = "waiting", "running", "done", "kept", "failed"
COLUMNS = ("title", "diagnosis", "probability", "uncertainty", "segments", "alerts", "warnings", "seconds")
NONE = "–"


@dataclass(eq=False)
class Row:
    """title: of the image. number: of the row, in the order of the images. facts: of the result, None without one.
    error: why it failed. isEdited: whether its segmentation was changed by hand in the scene. input: None for a result
    of an earlier session."""

    title: str
    number: int
    input: CaseInput | None = None
    state: str = WAITING
    case: str = ""
    facts: CaseRow | None = None
    error: ResFormerSegError | None = None
    isEdited: bool = False

    def toDict(self) -> dict:
        """In Python's own types: what a script needs of the row."""
        facts = self.facts
        return {
            "name": self.title,
            "case": self.case,
            "state": self.state,
            "diagnosis": facts.label if facts else None,
            "probability": facts.probability if facts else None,
            "uncertainty": facts.uncertainty if facts else None,
            "segments": [vars(segment).copy() for segment in facts.segments] if facts else [],
            "reliable": not facts.reasons if facts else None,
            "reasons": list(facts.reasons) if facts else [],
            "alerts": list(facts.alerts) if facts else [],
            "warnings": [dict(warning) for warning in facts.warnings] if facts else [],
            "seconds": facts.seconds if facts else None,
            "error": self.error.code if self.error else None,
            "message": str(self.error) if self.error else None,
            "edited": self.isEdited,
        }


def titleOf(column: str) -> str:
    return {
        "title": _("Case"),
        "diagnosis": _("Diagnosis"),
        "probability": _("Probability"),
        "uncertainty": _("Uncertainty"),
        "segments": _("Segments"),
        "alerts": _("Alert"),
        "warnings": _("Warnings"),
        "seconds": _("Time"),
    }[column]


def textOf(row: Row, column: str) -> str:
    """The cell, for reading."""
    if column == "title":
        return _("{name} (edited)").format(name=row.title) if row.isEdited else row.title
    facts = row.facts
    if facts is None:
        return _stateText(row) if column == "diagnosis" else ""
    texts: dict[str, Callable[[], str]] = {
        "diagnosis": lambda: _diagnosisText(facts),
        "probability": lambda: NONE if facts.probability is None else percentText(facts.probability),
        "uncertainty": lambda: NONE if facts.uncertainty is None else f"{facts.uncertainty:.2f}",
        "segments": lambda: ", ".join(map(sizeText, _found(facts))) or NONE,
        "alerts": lambda: "; ".join(facts.alerts),
        "warnings": lambda: ", ".join(dict.fromkeys(warning["code"] for warning in facts.warnings)),
        "seconds": lambda: NONE if facts.seconds is None else _("{seconds} s").format(seconds=f"{facts.seconds:.1f}"),
    }
    return texts[column]()


def toolTipTextOf(row: Row) -> str:
    """What does not fit into the cells."""
    if row.error is not None:
        return str(row.error)
    if row.facts is None:
        return ""
    lines = [*row.facts.alerts, *(warning["message"] for warning in row.facts.warnings)]
    return "\n".join(lines) or _("No warnings. Click to show this case.")


def sortedRows(rows: list[Row], column: str, isDescending: bool) -> list[Row]:
    """Those without a value come last in either direction. Of equal ones the order of the images stays."""
    inOrder = sorted(rows, key=lambda row: row.number)
    if not column:
        return inOrder
    having = [row for row in inOrder if _valueOf(row, column) is not None]
    rest = [row for row in inOrder if _valueOf(row, column) is None]
    return sorted(having, key=lambda row: _valueOf(row, column), reverse=isDescending) + rest


def sizeText(segment: SegmentSize) -> str:
    if segment.area_mm2 is not None:
        return _("{name} {area} mm²").format(name=segment.name, area=wholeText(segment.area_mm2))
    if segment.volume_mm3 is not None:
        return f"{segment.name} {millilitresText(segment.volume_mm3)}"
    return _("{name} {count} pixels").format(name=segment.name, count=wholeText(segment.voxels))


def _found(facts: CaseRow) -> list[SegmentSize]:
    return [segment for segment in facts.segments if segment.voxels]


def _diagnosisText(facts: CaseRow) -> str:
    """In a result that is not reliable, it must not look like one."""
    if not facts.reasons:
        return facts.diagnosis or NONE
    if not facts.diagnosis:
        return _("Not reliable")
    return _("Not reliable ({output})").format(output=facts.diagnosis)


def _stateText(row: Row) -> str:
    return {WAITING: "", RUNNING: _("Running…"), FAILED: _("Failed")}.get(row.state, NONE)


def _valueOf(row: Row, column: str):
    """To sort by: any type, the same within a column; None for none."""
    facts = row.facts
    if column == "title":
        return row.title.casefold()
    if facts is None:
        return None
    return {
        "diagnosis": lambda: (bool(facts.reasons), (facts.diagnosis or "").casefold()),
        "probability": lambda: facts.probability,
        # A result that is not reliable is the least certain of all, whatever its probabilities.
        "uncertainty": lambda: (bool(facts.reasons), facts.uncertainty or 0.0),
        "segments": lambda: sum(_amount(segment) for segment in facts.segments),
        "alerts": lambda: (len(facts.alerts), bool(facts.reasons)),
        "warnings": lambda: (bool(facts.reasons), len(facts.warnings)),
        "seconds": lambda: facts.seconds,
    }[column]()


def _amount(segment: SegmentSize) -> float:
    return next(value for value in (segment.area_mm2, segment.volume_mm3, segment.voxels) if value is not None)
