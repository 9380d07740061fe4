"""A result as the engine takes it for a report: its image and its segments as they are now."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from ResFormerSegLib.engine.temporary_folder import temporaryFolderError
from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.scene.dicom_source import sourceFiles
from ResFormerSegLib.scene.segment_codes import codesOf
from ResFormerSegLib.scene.segment_layers import checkSamePlace, exportLayers
from ResFormerSegLib.scene.segment_source import sourceOf
from ResFormerSegLib.scene.shown_frame import checkImage, runImageOf
from ResFormerSegLib.scene.user_edits import hasManualEdits
from ResFormerSegLib.scene.volume_export import checkVolume, exportVolume


class ReportedResult:
    """result: a ProcessingResult. withFiles: whether the DICOM files of its volume are needed.

    Raises ResFormerSegError: those of `checkVolume` and `sourceFiles`; of `export` VOLUME_CHANGED, MOVED_APART.
    """

    def __init__(self, result, withFiles: bool) -> None:
        checkVolume(result.volumeNode)
        self._volume = weakReference(result.volumeNode)
        self._segmentation = None if result.segmentationNode is None else weakReference(result.segmentationNode)
        self._run = runImageOf(result)
        self._report = {**result.report, "warnings": result.warnings}
        self._files = sourceFiles(result.volumeNode) if withFiles else []

    def export(self, folder: Path, prefix: str) -> Generator[None, None, dict]:
        """Writes into a folder of its own within `folder`, named `prefix`; what the engine's command says of it."""
        folder = folder / prefix
        try:
            folder.mkdir()
        except OSError as error:
            raise temporaryFolderError(folder.parent, error) from error
        volumeNode = self._volume.Get()
        segmentationNode = None if self._segmentation is None else self._segmentation.Get()
        exported = yield from exportVolume(volumeNode, folder)
        checkImage(volumeNode, exported, self._run)
        segments, edited = [], False
        if segmentationNode is not None:
            checkSamePlace(segmentationNode, volumeNode)
            edited = hasManualEdits(segmentationNode) or not segmentationNode.GetSegmentation().GetNumberOfSegments()
            segments = yield from _exportSegments(segmentationNode, volumeNode, folder / "labels.npy")
        if not edited:  # in the report's order
            byId = {row["id"]: row for row in segments}
            segments = [byId[row["id"]] for row in self._report["segments"] if row["id"] in byId]
            edited = len(segments) < len(self._report["segments"])
        return {
            "report": self._report,
            "image": exported.message,
            "labels": str(folder / "labels.npy") if segments else None,
            "segments": segments,
            "edited": edited,
            "files": self._files,
        }


def _exportSegments(node, volumeNode, path: Path) -> Generator[None, None, list[dict]]:
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
