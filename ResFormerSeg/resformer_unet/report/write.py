"""Writes the reports of a result in the formats that were chosen, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from resformer_unet.atomic_files import atomic_file, text_bytes
from resformer_unet.errors import EngineError
from resformer_unet.report.case import ReportCase
from resformer_unet.report.dicom_objects import SEGMENTATION, make_dicom
from resformer_unet.report.dicom_patient import SEGMENTATIONS, make_patient_dicom
from resformer_unet.report.page import check_page_packages, make_page
from resformer_unet.report.patient import patient_facts
from resformer_unet.report.patient_case import PHASES, PatientCase
from resformer_unet.report.patient_page import make_patient_page
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
        contents[PAGE] = text_bytes(make_page(case, identity))
    if "dicom" in formats:
        made, notes = make_dicom(case, files or (), series)
        contents |= made
    return _write(contents, folder, name, [SEGMENTATION] if "dicom" in formats else []), notes


def write_patient_reports(
    case: PatientCase,
    formats: Sequence[str],
    folder: Path,
    name: str,
    *,
    files: Sequence[Sequence[Path]] = ((), ()),
    series: Sequence[str | None] = (None, None),
    with_patient: bool = False,
) -> tuple[list[Path], list[dict[str, str]]]:
    """As :func:`write_reports`, of a patient: the DICOM files are ``<name>.ed.seg.dcm``, ``<name>.es.seg.dcm`` and
    ``<name>.sr.dcm``; ``files`` and ``series`` are of each phase, end-diastole first."""
    check_formats(formats)
    contents: dict[str, bytes] = {}
    notes: list[dict[str, str]] = []
    if "html" in formats:
        contents[PAGE] = text_bytes(make_patient_page(case, _identity(case, files, series) if with_patient else None))
    if "dicom" in formats:
        made, notes = make_patient_dicom(case, files, series)
        contents |= made
    return _write(contents, folder, name, SEGMENTATIONS if "dicom" in formats else []), notes


def _identity(
    case: PatientCase, files: Sequence[Sequence[Path]], series: Sequence[str | None]
) -> list[tuple[str, str]]:
    given = [("Name of the patient’s result", case.patient["patient"])] if case.patient.get("patient") else []
    phases = zip(PHASES, case.patient["cases"], strict=True)
    return [*patient_facts(files[0], series[0]), *given, *phases]


def _write(contents: dict[str, bytes], folder: Path, name: str, stale: Sequence[str]) -> list[Path]:
    """All of the files or none. Earlier ones of ``stale`` that have no successor are removed: they would contradict."""
    written = []
    with ExitStack() as names:
        for suffix, content in contents.items():
            path = folder / f"{name}{suffix}"
            names.enter_context(atomic_file(path)).write_bytes(content)
            written.append(path)
    for suffix in stale:
        if suffix not in contents:
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    return written
