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

import slicer


class DicomDatabase:
    """`files`: by SOP instance UID."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: dict[str, str] = {}
        self._series: dict[str, list[str]] = {}  # instances

    def fileForInstance(self, uid: str) -> str:
        """Empty for an instance that it does not know; a file that was moved since is named all the same."""
        return self.files.get(uid, "")

    def filesForSeries(self, uid: str) -> tuple[str, ...]:
        """In the order of import; a QStringList, which PythonQt makes a tuple. Empty for a series it does not know."""
        return tuple(self.files[instance] for instance in self._series.get(uid, ()))

    def fileValue(self, path: str, tag: str) -> str:
        """The text of an element, "group,element" in hexadecimal digits; empty for one that the file lacks."""
        import pydicom

        group, element = (int(part, 16) for part in tag.split(","))
        found = pydicom.dcmread(path, stop_before_pixels=True).get((group, element))
        return "" if found is None or found.value is None else str(found.value)

    def addFile(self, path: Path, copy: bool) -> None:
        import pydicom

        header = pydicom.dcmread(path, stop_before_pixels=True)
        if copy:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = Path(shutil.copy(path, self._folder / f"{header.SOPInstanceUID}.dcm"))
        instances = self._series.setdefault(str(header.SeriesInstanceUID), [])
        if header.SOPInstanceUID not in instances:
            instances.append(str(header.SOPInstanceUID))
        self.files[str(header.SOPInstanceUID)] = str(path)


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
