"""Adds the corrected segments of a result, with the confirmed diagnosis, to a training set."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.engine.temporary_folder import temporaryFolderError
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.task import Task, invalidResult
from ResFormerSegLib.scene.segment_layers import checkSamePlace, exportLayers
from ResFormerSegLib.scene.segment_source import sourceOf
from ResFormerSegLib.scene.shown_frame import checkImage, runImageOf
from ResFormerSegLib.scene.volume_export import checkVolume, exportVolume


class CollectTask(Task):
    """result: of `process`; its segmentation may have been corrected since. diagnosis: id of a class of the model, or
    "" if it is not known. patient: name or number; only a code of it is stored. split: None leaves the choice to the
    engine. by: who has confirmed mask and diagnosis.

    The result is the new case, a dict with id, label, split, group, corrected_by, added, and isEmpty: whether its mask
    is, which means that there is no lesion.
    """

    def __init__(
        self, result: ProcessingResult, diagnosis: str, patient: str, folder: str, split: str | None, by: str
    ) -> None:
        checkVolume(result.volumeNode)
        classes = (result.report.get("diagnosis") or {}).get("probabilities", {})
        if diagnosis and diagnosis not in classes:
            raise ResFormerSegError(
                "DIAGNOSIS_UNKNOWN",
                _("The model has no diagnosis '{name}'.").format(name=diagnosis),
                _("It knows: {names}.").format(names=", ".join(classes) or _("none")),
            )
        self._fields = {"label": diagnosis, "patient": patient, "folder": folder, "split": split, "by": by}
        self._run = runImageOf(result)
        self._values = {row["id"]: row["value"] for row in result.report["segments"]}
        self._names = {row["name"].casefold(): row["id"] for row in result.report["segments"]}
        node = result.segmentationNode
        self._source = sourceOf(node) if node is not None else None
        if self._source is not None:
            self._checkSegments()
        super().__init__(result.volumeNode, node)

    def export(self, folder: Path) -> Generator[None, None, dict]:
        volumeNode = self.nodes[0].Get()
        exported = yield from exportVolume(volumeNode, folder)
        checkImage(volumeNode, exported, self._run)
        command = {"command": "collect", "image": exported.message, **self._fields}
        if self._source is None:
            return command
        checkSamePlace(self.nodes[1].Get(), volumeNode)
        path = folder / "labels.npy"
        ids = self._source.ids
        try:
            places = yield from exportLayers(self._source, self.nodes[1].Get(), ids, volumeNode, path)
        except OSError as error:
            raise temporaryFolderError(folder, error) from error
        segments = [
            {
                "name": self._source.name(identifier),
                "layer": places[identifier][0],
                "value": places[identifier][1],
                "stored_value": self._values[self._modelId(identifier)],
            }
            for identifier in ids
        ]
        return {**command, "labels": str(path), "segments": segments}

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, dict]:
        yield
        if not isinstance(event.get("case"), dict):
            raise invalidResult()
        return {**event["case"], "isEmpty": event.get("empty") is True}

    def _checkSegments(self) -> None:
        unknown = [self._source.name(name) for name in self._source.ids if self._modelId(name) is None]
        if unknown:
            raise ResFormerSegError(
                "SEGMENT_UNKNOWN",
                _("The model has no segment '{name}'.").format(name=unknown[0]),
                _("Delete the segment, or give it the name of one of the model's."),
            )
        if not self._source.ids:
            raise ResFormerSegError(
                "NO_SEGMENTS",
                _("All segments were deleted from the segmentation."),
                _("For an image without a lesion keep the segment and erase its content."),
            )

    def _modelId(self, identifier: str) -> str | None:
        """Of the model's segment that this one is: the one of its name, which the user sees, or else of its id."""
        named = self._names.get(self._source.name(identifier).strip().casefold())
        return named or (identifier if identifier in self._values else None)
