"""Whose image it is, as its DICOM headers say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_SHOWN = {
    "PatientName": "Patient",
    "PatientID": "Patient ID",
    "PatientBirthDate": "Date of birth",
    "StudyDate": "Date of the study",
    "StudyDescription": "Study",
    "SeriesDescription": "Series",
}


def patient_facts(files: Sequence[Path], series: str | None = None) -> list[tuple[str, str]]:
    """Rows (name, value) of the first file that is a DICOM image of the series; none where no file is one."""
    try:
        import pydicom
    except ImportError:
        return []
    tags = ["Rows", "SpecificCharacterSet", "SeriesInstanceUID", *_SHOWN]
    for file in files:
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags)
        except Exception:  # pydicom raises whatever its parsing stumbles over
            continue
        if "Rows" in header and series in (None, str(header.get("SeriesInstanceUID"))):
            return [(shown, _readable(str(header.get(name)))) for name, shown in _SHOWN.items() if header.get(name)]
    return []


def _readable(text: str) -> str:
    """Without the carets between the parts of a name; dates with hyphens."""
    if len(text) == 8 and text.isdecimal():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return ", ".join(part for part in text.partition("=")[0].split("^") if part)
