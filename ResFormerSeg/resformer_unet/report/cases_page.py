"""The page of many cases: one table to read, to sort by hand and to print, in the order that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.batch.case_row import CaseRow, SegmentSize, case_row
from resformer_unet.batch.cases import read_report
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.page_template import page_template
from resformer_unet.report.sections import NONE, percent

TEMPLATE = "cases.html.j2"


def write_cases_page(
    output: Path, cases: Sequence[dict], file: Path, cancelled: Callable[[], bool] = lambda: False
) -> Path:
    """Write the page of cases in the output folder of a prediction.

    Args:
        cases: rows with ``name``, of its files; ``title``, what it is called; ``message``, why it failed, or ``None``;
            ``edited``: whether its segmentation was changed since in another program.

    Raises:
        EngineError: REPORT_PACKAGE_MISSING, OUTPUT_NOT_WRITABLE, DISK_FULL.
        Cancelled: when ``cancelled()`` returned true; nothing was written.
    """
    template = _template()
    rows, models = [], set()
    for case in cases:
        if cancelled():
            raise Cancelled
        report = None if case.get("message") else read_report(output, case["name"])
        found = case_row(report) if report else None
        rows.append(_texts(case, found))
        if found:
            models.add(f"{found.model} {found.model_version}")
    page = template.render(
        title="Cases",
        made=f"List of {date.today().isoformat()}, made by resformer-unet {__version__}.",
        notice=NOT_FOR_CLINICAL_USE,
        facts=_facts(rows, sorted(models)),
        rows=rows,
    )
    atomic_write_text(file, page)
    return file


def _texts(case: dict, row: CaseRow | None) -> dict:
    title = case.get("title") or case["name"]
    if row is None:
        message = case.get("message") or "Its result is missing or cannot be read."
        return {"title": title, "failed": message, "reliable": True}
    diagnosis = row.diagnosis or NONE
    return {
        "title": title,
        "failed": "",
        "reliable": not row.reasons,
        "diagnosis": f"Not reliable (model output: {diagnosis})" if row.reasons else diagnosis,
        "probability": NONE if row.probability is None else percent(row.probability),
        "uncertainty": NONE if row.uncertainty is None else f"{row.uncertainty:.2f}",
        "segments": [_size(segment) for segment in row.segments if segment.voxels] or [NONE],
        "alerts": row.alerts,
        "warnings": [warning["message"] for warning in row.warnings],
        "edited": bool(case.get("edited")),
        "seconds": NONE if row.seconds is None else f"{row.seconds:.1f} s",
    }


def _size(segment: SegmentSize) -> str:
    if segment.area_mm2 is not None:
        return f"{segment.name} {segment.area_mm2:,.0f} mm²"
    if segment.volume_mm3 is not None:
        return f"{segment.name} {segment.volume_mm3 / 1000:,.2f} ml"
    return f"{segment.name} {segment.voxels:,} pixels"


def _facts(rows: Sequence[dict], models: Sequence[str]) -> list[str]:
    failed, unreliable = sum(bool(row["failed"]) for row in rows), sum(not row["reliable"] for row in rows)
    facts = ["1 case" if len(rows) == 1 else f"{len(rows)} cases", f"{unreliable} not reliable", f"{failed} failed"]
    return [*facts, f"model {', '.join(models)}"] if models else facts


def _template():
    missing = EngineError(
        "REPORT_PACKAGE_MISSING",
        "The page needs the package jinja2, which is not installed.",
        'Install it with: pip install "jinja2>=3.1,<4"',
    )
    return page_template(__package__, TEMPLATE, missing)
