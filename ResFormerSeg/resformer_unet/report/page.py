"""The page of a result: one HTML file to read and to print, without scripts, with its picture inside."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np

from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.errors import EngineError
from resformer_unet.page_template import page_template
from resformer_unet.report import sections
from resformer_unet.report.case import ReportCase
from resformer_unet.report.page_warnings import page_warnings
from resformer_unet.report.picture import draw_picture

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
    return _template().render(
        title=TITLE,
        made=f"Report of {(day or date.today()).isoformat()}, made by resformer-unet {__version__}.",
        notice=NOT_FOR_CLINICAL_USE,
        warnings=page_warnings(case, names_allowed=identity is not None),
        identity=identity,
        diagnosis=sections.diagnosis(case) if report["diagnosis"] else None,
        segments=sections.segments(case) if report["segments"] else None,
        picture=_picture(case),
        no_picture=_why_no_picture(case),
        slices=sections.slices(case),
        model=sections.model(case),
        limits=case.bundle.descriptor["limits"] if case.bundle else [],
        software=_software(report),
    )


def check_page_packages() -> None:
    """Raises ``EngineError`` REPORT_PACKAGE_MISSING where a page cannot be made."""
    _template()


def _picture(case: ReportCase) -> dict | None:
    content = draw_picture(case)
    if content is None:
        return None
    width, height = (int(length) for length in np.frombuffer(content[16:24], ">u4"))
    lesion, plane = case.report["largest_lesion"], case.report["slice_axis"]["plane"]
    names = {row["id"]: row["name"] for row in case.report["segments"]}
    where = "" if case.image.shape[case.report["slice_axis"]["array_axis"]] == 1 else f", slice {lesion['slice']}"
    where += f" ({plane})" if plane != "picture" else ""
    return {
        "data": f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}",
        "width": width,
        "height": height,
        "caption": f"Largest connected component: {names[lesion['segment']]}{where}. Lines are the contours of the "
        "segments, in their colours; brightness is scaled for the picture.",
    }


def _why_no_picture(case: ReportCase) -> str:
    if case.report["largest_lesion"] is None:
        return "Nothing is segmented, so there is no picture."
    return "No picture: the image could not be read when this report was made."


def _software(report: Mapping) -> list[tuple[str, str]]:
    rows = [
        ("Report made by", f"resformer-unet {__version__}"),
        ("Inference engine", report["engine"]),
        ("Device", report["device"]),
    ]
    seconds = (report.get("timing_s") or {}).get("total")
    return rows if seconds is None else [*rows, ("Computing time", f"{seconds:.1f} s")]


def _template():
    missing = EngineError(
        "REPORT_PACKAGE_MISSING",
        "The HTML report needs the package jinja2, which is not installed.",
        'Install it with: pip install "jinja2>=3.1,<4"',
    )
    return page_template(__package__, TEMPLATE, missing)
