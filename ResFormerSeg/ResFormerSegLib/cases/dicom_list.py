"""The series of Slicer's DICOM database that a model takes.

The calls are those of ctkDICOMDatabase, as Slicer's own DICOMLib makes them: `patients`, `studiesForPatient`,
`seriesForStudy`, `filesForSeries`, `instancesForSeries`, `descriptionForSeries`, `nameForPatient`, `fileValue`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, replace

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.cases.case_input import CaseInput
from ResFormerSegLib.models.catalog import OTHER, ModelDescription

MODALITY, STUDY_DATE = "0008,0060", "0008,0020"
# Objects that are no images, and results of others.
NO_IMAGES = {"SEG", "SR", "KO", "PR", "REG", "DOC", "FID", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "RWV", "PLAN"}


@dataclass(frozen=True)
class Series:
    """uid: of the series. title: with the patient's name; text: the same with the number of files, for the list.
    source: None where it cannot be run, `reason` says why."""

    uid: str
    title: str
    text: str
    source: CaseInput | None
    reason: str = ""


def hasDatabase() -> bool:
    database = getattr(slicer, "dicomDatabase", None)
    return database is not None and bool(database.isOpen)


def fittingSeries(model: ModelDescription) -> Generator[None, None, tuple[list[Series], int]]:
    """The series of the model's modality, by patient and study; and how many series of images are of another one.

    A generator, as a database may be large: each step looks at one series.
    """
    found: list[Series] = []
    others = 0
    database = slicer.dicomDatabase
    for patient in database.patients():
        for study in database.studiesForPatient(patient):
            for series in database.seriesForStudy(study):
                yield
                files = [file for file in database.filesForSeries(series) if file]
                if not files:
                    continue
                modality = str(database.fileValue(files[0], MODALITY) or "")
                if modality in NO_IMAGES:
                    continue
                if not _isOf(model, modality):
                    others += 1
                    continue
                found.append(_series(database, patient, series, files))
    return _distinct(found), others


def _isOf(model: ModelDescription, modality: str) -> bool:
    anything = ("", OTHER)
    return modality in anything or model.modality.upper() in anything or modality == model.modality


def _series(database, patient: str, series: str, files: list[str]) -> Series:
    description = str(database.descriptionForSeries(series) or "") or _("series")
    who = [str(database.nameForPatient(patient) or ""), str(database.fileValue(files[0], STUDY_DATE) or "")]
    title = _("{study}: {series}").format(study=", ".join(filter(None, who)), series=description)
    text = _("{title} ({count} files)").format(title=title, count=len(files))
    folders = {os.path.dirname(os.path.abspath(file)) for file in files}
    if len(folders) > 1:
        reason = _("Its files lie in several folders. Import it again (DICOM module), and let it copy the files.")
        return Series(series, title, text, None, reason)
    instances = " ".join(str(uid) for uid in database.instancesForSeries(series))
    source = CaseInput(description, path=folders.pop(), series=series, instances=instances, title=title)
    return Series(series, title, text, source)


def _distinct(listed: list[Series]) -> list[Series]:
    """Series of one title, such as repeated acquisitions of a patient, get their number among these."""
    counts, seen = Counter(series.title for series in listed), Counter()
    for place, series in enumerate(listed):
        seen[series.title] += 1
        if counts[series.title] == 1:
            continue
        number = {"number": seen[series.title], "count": counts[series.title]}
        title = _("{name} ({number} of {count})").format(name=series.title, **number)
        text = _("{name} ({number} of {count})").format(name=series.text, **number)
        source = series.source and replace(series.source, title=title)
        listed[place] = replace(series, title=title, text=text, source=source)
    return listed
