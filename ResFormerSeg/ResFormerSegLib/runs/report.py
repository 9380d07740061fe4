"""Saves the report of a result: a page (HTML, PDF) and DICOM objects, with the segments as they are now."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Generator, Sequence
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.pdf import printToPdf
from ResFormerSegLib.runs.reported_result import ReportedResult
from ResFormerSegLib.runs.results import PatientResult
from ResFormerSegLib.runs.task import Task
from ResFormerSegLib.scene.shown_frame import withFrame
from ResFormerSegLib.scene.volume_names import distinctName

# What the files of a report end in, by its format.
ENDINGS = {
    "html": (".report.html",),
    "pdf": (".report.pdf",),
    "dicom": (".seg.dcm", ".ed.seg.dcm", ".es.seg.dcm", ".sr.dcm"),
}
FORMATS = tuple(ENDINGS)
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')  # in names of files, on any system


class ReportTask(Task):
    """result: a ProcessingResult; or a PatientResult, whose report is on both phases. folder: an existing one.
    formats: of `FORMATS`. withPatient: whether the page names patient and volume. Earlier files of the same names are
    replaced, see `earlierFiles`.

    The result is {"files": paths, "notes": rows with code and message on what the DICOM objects leave out}.
    """

    def __init__(self, result, folder: str | os.PathLike, formats: Collection[str], withPatient: bool = False) -> None:
        unknown = [name for name in formats if name not in FORMATS]
        if unknown or not formats or isinstance(formats, str):
            raise ResFormerSegError(
                "REPORT_FORMAT_UNKNOWN",
                _("A report cannot be saved as {formats}.").format(formats=formats),
                _("Give one or more of {known}, in a list.").format(known=", ".join(FORMATS)),
            )
        self._patient = result.patient if isinstance(result, PatientResult) else None
        results = _partsOf(result)
        self._parts = [ReportedResult(one, withFiles="dicom" in formats) for one in results]
        if not os.path.isdir(folder):
            raise ResFormerSegError(
                "FOLDER_NOT_FOUND",
                _("There is no folder '{folder}'.").format(folder=os.fspath(folder)),
                _("Choose an existing folder."),
            )
        super().__init__(*(node for one in results for node in (one.volumeNode, one.segmentationNode)))
        self._folder, self._formats, self._withPatient = os.fspath(folder), list(formats), withPatient
        self._name = _nameOf(results)

    def export(self, folder: Path) -> Generator[None, None, dict]:
        exported = []
        for number, part in enumerate(self._parts):
            exported.append((yield from part.export(folder, str(number))))
        what = {"command": "report", **exported[0]}
        if self._patient is not None:
            what = {"command": "patient_report", "patient": self._patient, "phases": exported}
        return {
            **what,
            "formats": [name for name in self._formats if name != "pdf"],
            "output": self._folder,
            "name": self._name,
            "with_patient": self._withPatient,
            "page_folder": str(folder) if "pdf" in self._formats else None,
        }

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, dict]:
        yield
        files = list(event["files"])
        if event["page"]:
            path = os.path.join(self._folder, f"{self._name}{ENDINGS['pdf'][0]}")
            printToPdf(Path(event["page"]).read_text(encoding="utf-8"), path)
            files.append(path)
        return {"files": files, "notes": [*notices, *event["notes"]]}


def earlierFiles(result, folder: str | os.PathLike, formats: Collection[str]) -> list[str]:
    """Names of files in the folder that a report of the result would replace: its own earlier one's, or those of
    another image of the same name, perhaps of another patient."""
    name = _nameOf(_partsOf(result))
    names = [f"{name}{ending}" for form in formats for ending in ENDINGS[form]]
    return [name for name in names if os.path.lexists(os.path.join(folder, name))]


def _partsOf(result) -> list:
    return [result.first, result.second] if isinstance(result, PatientResult) else [result]


def _nameOf(results: Sequence) -> str:
    """Volumes of one name have numbers, so that none of their reports replaces another's."""
    return _fileName([withFrame(distinctName(one.volumeNode), one.volumeNode, one.frame) for one in results])


def _fileName(names: Sequence[str]) -> str:
    safe = [_UNSAFE.sub("_", name or "").strip(". ") or "image" for name in names]
    return " + ".join(dict.fromkeys(safe)) + (".patient" if len(safe) > 1 else "")
