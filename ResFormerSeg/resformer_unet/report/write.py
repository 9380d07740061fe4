"""Writes the reports of a result in the formats that were chosen, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from resformer_unet.atomic_files import atomic_file
from resformer_unet.errors import EngineError
from resformer_unet.report.case import ReportCase
from resformer_unet.report.dicom_objects import SEGMENTATION, make_dicom
from resformer_unet.report.page import check_page_packages, make_page
from resformer_unet.report.patient import patient_facts
from resformer_unet.report.source_images import import_dicom

FORMATS = ("html", "dicom")
PAGE = ".report.html"  # what the file of a case ends in


def check_formats(formats: Sequence[str]) -> None:
    """Whether the packages of the formats are installed, which is asked before a long computation.

    Raises:
        EngineError: REPORT_FORMAT_UNKNOWN, REPORT_PACKAGE_MISSING, DICOM_EXTRA_MISSING.
    """
    if unknown := [name for name in formats if name not in FORMATS]:
        raise EngineError(
            "REPORT_FORMAT_UNKNOWN",
            f"There is no report in the format “{unknown[0]}”.",
            f"Choose of: {', '.join(FORMATS)}.",
        )
    if "html" in formats:
        check_page_packages()
    if "dicom" in formats:
        import_dicom()


def write_reports(
    case: ReportCase,
    formats: Sequence[str],
    folder: Path,
    name: str,
    *,
    files: Sequence[Path] | None = None,
    series: str | None = None,
    with_patient: bool = False,
) -> tuple[list[Path], list[dict[str, str]]]:
    """Write ``<name>.report.html``, ``<name>.seg.dcm`` and ``<name>.sr.dcm`` into ``folder``, replacing earlier ones.

    Args:
        formats: of :data:`FORMATS`.
        files: of the source series; needed for DICOM.
        series: its instance UID, needed where the files are of several series.
        with_patient: whether the page names patient and image. DICOM objects always do, as the standard asks.

    Returns:
        The files, and notes {"code", "message"} on what DICOM leaves out.

    Raises:
        EngineError: those of :func:`check_formats`, :func:`.make_dicom`, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    check_formats(formats)
    contents: dict[str, bytes] = {}
    notes: list[dict[str, str]] = []
    if "html" in formats:
        identity = [*patient_facts(files or (), series), ("Image", case.report["case"])] if with_patient else None
        contents[PAGE] = make_page(case, identity).encode("utf-8", "backslashreplace")
    if "dicom" in formats:
        made, notes = make_dicom(case, files or (), series)
        contents |= made
    written = []
    with ExitStack() as names:
        for suffix, content in contents.items():
            path = folder / f"{name}{suffix}"
            names.enter_context(atomic_file(path)).write_bytes(content)
            written.append(path)
    if "dicom" in formats and SEGMENTATION not in contents:  # an earlier one would contradict the new report
        (folder / f"{name}{SEGMENTATION}").unlink(missing_ok=True)
    return written, notes
