"""Saves the report of a result: a page (HTML, PDF) and DICOM objects, with the segments as they are now."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Generator
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.engine.temporary_folder import temporaryFolderError
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.pdf import printToPdf
from ResFormerSegLib.runs.task import Task
from ResFormerSegLib.scene.dicom_source import sourceFiles
from ResFormerSegLib.scene.segment_codes import codesOf
from ResFormerSegLib.scene.segment_layers import exportLayers
from ResFormerSegLib.scene.segment_source import sourceOf
from ResFormerSegLib.scene.user_edits import hasManualEdits
from ResFormerSegLib.scene.volume_export import checkVolume, exportVolume

FORMATS = ("html", "pdf", "dicom")
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')  # in names of files, on any system


class ReportTask(Task):
    """result: a ProcessingResult. folder: an existing one. formats: of `FORMATS`. withPatient: whether the page names
    patient and volume.

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
        checkVolume(result.volumeNode)
        if not os.path.isdir(folder):
            raise ResFormerSegError(
                "FOLDER_NOT_FOUND",
                _("There is no folder '{folder}'.").format(folder=os.fspath(folder)),
                _("Choose an existing folder."),
            )
        super().__init__(result.volumeNode, result.segmentationNode)
        self._report = {**result.report, "warnings": result.warnings}
        self._folder, self._formats, self._withPatient = os.fspath(folder), list(formats), withPatient
        self._name = _UNSAFE.sub("_", result.volumeNode.GetName() or "image").strip(". ") or "image"
        self._files = sourceFiles(result.volumeNode) if "dicom" in formats else []

    def export(self, folder: Path) -> Generator[None, None, dict]:
        volumeNode = self.nodes[0].Get()
        segmentationNode = self.nodes[1].Get() if len(self.nodes) > 1 else None
        exported = yield from exportVolume(volumeNode, folder)
        segments, edited = [], False
        if segmentationNode is not None:
            edited = hasManualEdits(segmentationNode) or not segmentationNode.GetSegmentation().GetNumberOfSegments()
            segments = yield from self._exportSegments(segmentationNode, volumeNode, folder / "labels.npy")
        if not edited:  # in the report's order
            byId = {row["id"]: row for row in segments}
            segments = [byId[row["id"]] for row in self._report["segments"] if row["id"] in byId]
            edited = len(segments) < len(self._report["segments"])
        return {
            "command": "report",
            "report": self._report,
            "image": exported.message,
            "labels": str(folder / "labels.npy") if segments else None,
            "segments": segments,
            "edited": edited,
            "formats": [name for name in self._formats if name != "pdf"],
            "output": self._folder,
            "name": self._name,
            "files": self._files,
            "with_patient": self._withPatient,
            "page_folder": str(folder) if "pdf" in self._formats else None,
        }

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, dict]:
        yield
        files = list(event["files"])
        if event["page"]:
            path = os.path.join(self._folder, f"{self._name}.report.pdf")
            printToPdf(Path(event["page"]).read_text(encoding="utf-8"), path)
            files.append(path)
        return {"files": files, "notes": [*notices, *event["notes"]]}

    def _exportSegments(self, node, volumeNode, path: Path) -> Generator[None, None, list[dict]]:
        source = sourceOf(node)
        try:
            places = yield from exportLayers(source, node, source.ids, volumeNode, path)
        except OSError as error:
            raise temporaryFolderError(path.parent, error) from error
        segments = []
        for identifier in source.ids:
            segment = node.GetSegmentation().GetSegment(identifier)
            layer, value = places[identifier]
            segments.append(
                {
                    "id": identifier,
                    "name": segment.GetName() or identifier,
                    "color": [round(255 * share) for share in segment.GetColor()],
                    "terminology": codesOf(segment),
                    "layer": layer,
                    "value": value,
                }
            )
        return segments
