"""What a reader of the page must see first: why a result is not to be relied on, alerts, warnings, edits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resformer_unet.inference.reliability import reasons_of
from resformer_unet.report.case import ReportCase
from resformer_unet.report.patient_case import PHASES, PatientCase

EDITED = (
    "The segmentation was changed after the run. All sizes are those of the changed segments; the diagnosis and its "
    "probabilities are those of the run."
)
# Warnings of the reader that name files, which may carry the patient's name.
_WITHOUT_NAMES = {
    "UNREADABLE_FILES": "DICOM files without a readable image were skipped. If one belongs to the series, a slice is "
    "missing.",
    "COPIES_SKIPPED": "Files that are copies of others in the folder were skipped.",
    "OTHER_IMAGES_SKIPPED": "Other image files in the folder were skipped.",
    "ORDER_GUESSED": "The files state neither the positions of their slices nor distinct numbers; they were put in the "
    "order of their names. If that is not the order of the slices, the result is wrong.",
    "SERIES_IGNORED": "A series was requested, but the input is a single file; the file was read.",
}


def page_warnings(case: ReportCase, names_allowed: bool) -> list[dict[str, str]]:
    """Rows with ``kind`` (“grave” or “warning”) and ``text``, the gravest first.

    Args:
        names_allowed: whether texts may name the image and its files.
    """
    hidden = {} if names_allowed else {case.report["case"]: "the image"}
    grave, others = _by_weight(case.report, hidden)
    rows = [*_not_reliable(case.report), *grave]
    if case.edited:
        rows.append({"kind": "warning", "text": EDITED})
    return [*rows, *others, *_rows("warning", case.notes, hidden)]


def patient_warnings(case: PatientCase, names_allowed: bool) -> list[dict[str, str]]:
    """As :func:`page_warnings`: what concerns the patient before what concerns a single phase."""
    shown = ("the end-diastolic image", "the end-systolic image")
    hidden = {} if names_allowed else dict(zip(case.patient["cases"], shown, strict=True))
    grave, others = _by_weight(case.patient, hidden)
    for name, phase in zip(PHASES, case.phases, strict=True):
        result = {**phase.report, "diagnosis": None}  # the network's of one phase, which alerts are of, does not count
        for rows, own in zip((grave, others), _by_weight(result, hidden), strict=True):
            rows += [{**row, "text": f"{name}: {row['text']}"} for row in own]
    rows = [*_not_reliable(case.patient), *grave]
    if case.edited:
        rows.append({"kind": "warning", "text": EDITED})
    notes = [*case.notes, *(note for phase in case.phases for note in phase.notes)]
    return [*rows, *others, *_rows("warning", notes, hidden)]


def _not_reliable(result: Mapping) -> list[dict[str, str]]:
    text = "This result is not reliable. Its diagnosis is not an answer."
    return [{"kind": "grave", "text": text}] if reasons_of(result) else []


def _by_weight(result: Mapping, hidden: Mapping[str, str]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Rows on why a result, or a patient's, is not to be relied on and on its alerts; and its other warnings.

    Args:
        hidden: names of images that must not be shown, and what is said instead.
    """
    reasons = reasons_of(result)
    alerts = [{"kind": "grave", "text": alert["text"]} for alert in (result["diagnosis"] or {}).get("alerts", [])]
    grave = [warning for code in reasons for warning in result["warnings"] if warning["code"] == code]
    others = [warning for warning in result["warnings"] if warning["code"] not in reasons]
    return [*alerts, *_rows("grave", grave, hidden)], _rows("warning", others, hidden)


def _rows(kind: str, warnings: Sequence[dict[str, str]], hidden: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"kind": kind, "text": _text(warning, hidden)} for warning in warnings]


def _text(warning: dict[str, str], hidden: Mapping[str, str]) -> str:
    text = _WITHOUT_NAMES.get(warning["code"], warning["message"]) if hidden else warning["message"]
    for name, shown in hidden.items():
        text = text.replace(f"“{name}”", shown).replace(f"{name}: ", "") if name else text
    return text
