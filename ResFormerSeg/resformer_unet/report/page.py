"""The page of a result: one HTML file to read and to print, without scripts, with its picture inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.errors import EngineError
from resformer_unet.page_template import page_template
from resformer_unet.report import sections
from resformer_unet.report.case import ReportCase
from resformer_unet.report.page_pictures import page_pictures, why_no_picture
from resformer_unet.report.page_warnings import page_warnings

TEMPLATE = "page.html.j2"
TITLE = "Segmentation and diagnosis"


def make_page(case: ReportCase, identity: Sequence[tuple[str, str]] | None = None, day: date | None = None) -> str:
    """The page as text.

    Args:
        identity: rows (name, value) that tell whose image this is. Without them the page names neither the patient nor
            the image, its files or its folders.
        day: of the report; today.

    Raises:
        EngineError: REPORT_PACKAGE_MISSING.
    """
    report = case.report
    return template(TEMPLATE).render(
        title=TITLE,
        made=made_on(day),
        notice=NOT_FOR_CLINICAL_USE,
        warnings=page_warnings(case, names_allowed=identity is not None),
        identity=identity,
        diagnosis=sections.diagnosis(case) if report["diagnosis"] else None,
        segments=sections.segments(case) if report["segments"] else None,
        pictures=page_pictures(case),
        no_picture=why_no_picture(case),
        slices=sections.slices(case),
        model=sections.model(case),
        limits=case.bundle.descriptor["limits"] if case.bundle else [],
        software=software(report),
    )


def check_page_packages() -> None:
    """Raises ``EngineError`` REPORT_PACKAGE_MISSING where a page cannot be made."""
    template(TEMPLATE)


def made_on(day: date | None) -> str:
    return f"Report of {(day or date.today()).isoformat()}, made by resformer-unet {__version__}."


def software(report: Mapping) -> list[tuple[str, str]]:
    """Rows (name, value)."""
    rows = [
        ("Report made by", f"resformer-unet {__version__}"),
        ("Inference engine", report["engine"]),
        ("Device", report["device"]),
    ]
    seconds = (report.get("timing_s") or {}).get("total")
    return rows if seconds is None else [*rows, ("Computing time", f"{seconds:.1f} s")]


def template(name: str):
    """Raises ``EngineError`` REPORT_PACKAGE_MISSING."""
    missing = EngineError(
        "REPORT_PACKAGE_MISSING",
        "The HTML report needs the package jinja2, which is not installed.",
        'Install it with: pip install "jinja2>=3.1,<4"',
    )
    return page_template(__package__, name, missing)
