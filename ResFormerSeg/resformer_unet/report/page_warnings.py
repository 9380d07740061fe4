"""What a reader of the page must see first: why a result is not to be relied on, alerts, warnings, edits."""

from __future__ import annotations

from resformer_unet.inference.reliability import reasons_of
from resformer_unet.report.case import ReportCase

EDITED = (
    "The segmentation was changed after the run. All sizes are those of the changed segments; the diagnosis and its "
    "probabilities are those of the run."
)
# Warnings of the reader that name files, which may carry the patient's name.
_WITHOUT_NAMES = {
    "UNREADABLE_FILES": "DICOM files without a readable image were skipped. If one belongs to the series, a slice is "
    "missing.",
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
    report, reasons = case.report, reasons_of(case.report)
    grave = [warning for code in reasons for warning in report["warnings"] if warning["code"] == code]
    others = [warning for warning in report["warnings"] if warning["code"] not in reasons]
    rows = []
    if reasons:
        rows.append({"kind": "grave", "text": "This result is not reliable. Its diagnosis is not an answer."})
    alerts = (report["diagnosis"] or {}).get("alerts", [])
    rows += [{"kind": "grave", "text": alert["text"]} for alert in alerts]
    rows += [{"kind": "grave", "text": _text(warning, report["case"], names_allowed)} for warning in grave]
    if case.edited:
        rows.append({"kind": "warning", "text": EDITED})
    others = [*others, *case.notes]
    return rows + [{"kind": "warning", "text": _text(warning, report["case"], names_allowed)} for warning in others]


def _text(warning: dict[str, str], name: str, names_allowed: bool) -> str:
    if names_allowed:
        return warning["message"]
    text = _WITHOUT_NAMES.get(warning["code"], warning["message"])
    return text.replace(f"“{name}”", "the image").replace(f"{name}: ", "") if name else text
