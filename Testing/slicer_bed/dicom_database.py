"""Slicer's DICOM database and its importer, as `slicer.dicomDatabase` and `DICOMLib.DICOMUtils` show them to a module.

The application's are ctkDICOMDatabase and DICOMLib; neither is in the wheel. Files are indexed where they lie, or are
copied into the database's own folder.
"""

from __future__ import annotations

import shutil
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import slicer


class DicomDatabase:
    """`files`: by SOP instance UID. Lists are tuples, as PythonQt makes them, and patients have numbers as texts."""

    isOpen = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: dict[str, str] = {}
        self._headers: dict[str, Any] = {}  # by file

    def patients(self) -> tuple[str, ...]:
        return tuple(str(number) for number, _identifier in enumerate(self._patientIds(), start=1))

    def studiesForPatient(self, patient: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(header.StudyInstanceUID) for header in self._of(patient)))

    def seriesForStudy(self, study: str) -> tuple[str, ...]:
        found = [header for header in self._headers.values() if header.StudyInstanceUID == study]
        return tuple(dict.fromkeys(str(header.SeriesInstanceUID) for header in found))

    def filesForSeries(self, series: str, hits: int = -1) -> tuple[str, ...]:
        """In the order of import. Empty for a series it does not know."""
        found = [file for file, header in self._headers.items() if header.SeriesInstanceUID == series]
        return tuple(found if hits < 0 else found[:hits])

    def instancesForSeries(self, series: str, hits: int = -1) -> tuple[str, ...]:
        return tuple(str(self._headers[file].SOPInstanceUID) for file in self.filesForSeries(series, hits))

    def descriptionForSeries(self, series: str) -> str:
        return str(self._headers[self.filesForSeries(series, 1)[0]].get("SeriesDescription", ""))

    def nameForPatient(self, patient: str) -> str:
        return str(self._of(patient)[0].PatientName)

    def fileValue(self, file: str, tag: str) -> str:
        """tag: such as "0008,0060". Empty for one that the file lacks."""
        group, element = (int(part, 16) for part in tag.split(","))
        found = self._headers[file].get((group, element))
        return "" if found is None or found.value is None else str(found.value)

    def _patientIds(self) -> list[str]:
        return list(dict.fromkeys(str(header.PatientID) for header in self._headers.values()))

    def _of(self, patient: str) -> list:
        identifier = self._patientIds()[int(patient) - 1]
        return [header for header in self._headers.values() if header.PatientID == identifier]

    def fileForInstance(self, uid: str) -> str:
        """Empty for an instance that it does not know; a file that was moved since is named all the same."""
        return self.files.get(uid, "")

    def addFile(self, path: Path, copy: bool) -> None:
        import pydicom

        header = pydicom.dcmread(path, stop_before_pixels=True)
        if copy:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = Path(shutil.copy(path, self._folder / f"{header.SOPInstanceUID}.dcm"))
        uid = str(header.SOPInstanceUID)
        self._headers.pop(self.files.get(uid, ""), None)  # imported before, from another place
        self.files[uid] = str(path)
        self._headers[str(path)] = header


def importDicom(dicomDataDir: str, dicomDatabase: DicomDatabase | None = None, copyFiles: bool = False) -> bool:
    database = dicomDatabase or slicer.dicomDatabase
    for path in sorted(Path(dicomDataDir).iterdir()):
        database.addFile(path, copyFiles)
    return True


@contextmanager
def dicomDatabase(folder: Path) -> Iterator[DicomDatabase]:
    """Opens a database; without it, the application has its DICOM module switched off."""
    library = types.ModuleType("DICOMLib")
    library.DICOMUtils = types.SimpleNamespace(importDicom=importDicom)
    sys.modules["DICOMLib"] = library
    slicer.dicomDatabase = DicomDatabase(folder)
    try:
        yield slicer.dicomDatabase
    finally:
        del slicer.dicomDatabase, sys.modules["DICOMLib"]
