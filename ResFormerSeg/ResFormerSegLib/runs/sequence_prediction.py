"""Segments and diagnoses the frames of a sequence, one by one; the result is a sequence in the same browser."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import readArrays
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.models.catalog import findModel
from ResFormerSegLib.runs.prediction import modelReference
from ResFormerSegLib.runs.sequence_import import importSequence
from ResFormerSegLib.runs.sequence_results import SequenceResult
from ResFormerSegLib.runs.task import Task, checkedDevice, checkedOptions, invalidResult, notImported
from ResFormerSegLib.scene.frame_export import FrameExport
from ResFormerSegLib.scene.segmentation_import import makeLabelMaps
from ResFormerSegLib.scene.sequences import sequenceOf
from ResFormerSegLib.scene.transform_warnings import transformWarnings
from ResFormerSegLib.scene.volume_export import checkVolume


class SequenceTask(Task):
    """A prediction for each frame, and for a heart its evaluation. Nothing enters the scene before all are done.

    A frame that cannot be predicted for itself, such as a black one, is marked as failed, and the others go on; the run
    fails if all do.

    volumeNode: the volume that shows the sequence. options: as in `PredictionTask`. frames: the first and the last one,
    both included, counted from 0; None for all. body: {"height_cm", "weight_kg"}, for a heart.
    """

    def __init__(
        self,
        volumeNode,
        modelId: str | os.PathLike,
        device: str,
        options: dict | None = None,
        frames: tuple[int, int] | None = None,
        body: dict | None = None,
    ) -> None:
        checkVolume(volumeNode)
        source = sequenceOf(volumeNode)
        if source is None:
            raise ResFormerSegError(
                "NOT_A_SEQUENCE",
                _("'{name}' is not shown from a sequence.").format(name=volumeNode.GetName()),
                _("Select the volume that a sequence browser shows, or run the volume by itself."),
            )
        if (options or {}).get("probability_maps"):
            raise ResFormerSegError(
                "BAD_OPTION",
                _("There are no probability maps of sequences."),
                _("Switch them off, or run a single frame."),
            )
        self._source = source
        self._frames = _checkedFrames(frames, source.count)
        self._body = checkedBody(body)
        super().__init__(volumeNode, source.sequence, source.browser)
        self._model = modelReference(modelId)
        self._command = {
            "command": "predict", "model": self._model, "device": checkedDevice(device), "options": options,
        }  # fmt: skip
        self.passes = len(self._frames)
        self._name = volumeNode.GetName() or "image"
        self._export = FrameExport(source)
        self._reports: list[dict | None] = []  # None for a frame that failed
        self._labelMaps: list[list] = []  # empty for a frame that failed
        self._errors: dict[int, ResFormerSegError] = {}  # by number of the frame

    def export(self, folder: Path) -> Generator[None, None, dict]:
        return (yield from self._next(folder))

    def follow(self, event: dict, folder: Path) -> Generator[None, None, dict | None]:
        if "heart" in event:
            return None
        yield from self._read(event)
        return (yield from self._next(folder))

    def afterError(self, error: ResFormerSegError, folder: Path) -> Generator[None, None, dict | None] | None:
        from resformer_unet.sequence.frame_figures import OF_ONE_FRAME

        if error.code not in OF_ONE_FRAME:
            return None
        self._markFailed(error)
        return self._next(folder)

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, SequenceResult]:
        yield from self._export.checkUnchanged()
        return (
            yield from importSequence(
                self._source,
                self._report(event.get("heart"), notices),
                self._reports,
                self._labelMaps,
                self._heartReports(),
            )
        )

    def describeProgress(self, done: int, total: int) -> str:
        return _("Frame {number} of {count}").format(
            number=min(len(self._reports) + 1, len(self._frames)), count=len(self._frames)
        )

    def _next(self, folder: Path) -> Generator[None, None, dict | None]:
        """The command for the next frame; after the last one, that for a heart."""
        while len(self._reports) < len(self._frames):
            index = self._frames[len(self._reports)]
            try:
                exported = yield from self._export.export(index, folder)
            except ResFormerSegError as error:
                if error.code != "FRAME_EMPTY":
                    raise
                self._markFailed(error)
                continue
            image = {**exported.message, "name": _("{name}, frame {number}").format(name=self._name, number=index)}
            return {**self._command, "image": image, "output": str(folder)}
        if len(self._errors) == len(self._frames):
            raise self._errors[self._frames[0]]
        return heartCommand(self._model, self._heartReports(), self._frames, self._times(), self._body)

    def _markFailed(self, error: ResFormerSegError) -> None:
        self._errors[self._frames[len(self._reports)]] = error
        self._reports.append(None)
        self._labelMaps.append([])

    def _first(self) -> dict:
        """The report of the first frame that did not fail."""
        return next(filter(None, self._reports))

    def _read(self, event: dict) -> Generator[None, None, None]:
        from vtk.util.numpy_support import vtk_to_numpy

        exported = self._export.exported
        try:
            layers = yield from readArrays(event["labels"], "uint8", exported.shape)
        except (OSError, ValueError, TypeError) as error:
            raise invalidResult() from error
        try:
            labels = [vtk_to_numpy(layer).reshape(exported.shape) for layer in layers]
            self._labelMaps.append((yield from makeLabelMaps(labels, event["report"]["segments"], exported)))
        except Exception as error:
            raise notImported(error) from error
        self._reports.append(event["report"])

    def _times(self) -> list[float] | None:
        times = self._source.times()
        return None if times is None else [times[index] for index in self._frames]

    def _heartReports(self) -> list[dict | None]:
        """None for a frame that failed. Empty for a model that does not segment the heart."""
        from resformer_unet.cardiac.function_parameters import SEGMENTS
        from resformer_unet.cardiac.volume_curve import heart_report

        segments = self._first()["segments"]
        if len(self._reports) < 2 or not set(SEGMENTS) <= {row["id"] for row in segments}:
            return []
        if any(row["volume_mm3"] is None for row in segments):
            return []
        return [report and heart_report(report, report["case"]) for report in self._reports]

    def _report(self, heart: dict | None, notices: list[dict]) -> dict:
        from resformer_unet.image.sequence import SequenceInfo
        from resformer_unet.sequence.frame_figures import FrameWarnings, failed_row, frame_row, sequence_report

        times, warnings = self._times(), FrameWarnings()
        rows = []
        for number, (index, report) in enumerate(zip(self._frames, self._reports, strict=True)):
            time = None if times is None else times[number]
            if report is None:
                rows.append(failed_row(index, time, self._errors[index]))
                continue
            rows.append(frame_row(index, time, report))
            warnings.add(index, report["warnings"])
        info = SequenceInfo(self._name, self._source.count, None)
        found = warnings.rows(len(rows))
        known = {row["code"] for row in found}
        proxy = self._source.proxy
        for notice in [*notices, *transformWarnings(proxy)]:  # the engine sends some with every frame
            if notice["code"] not in known:
                known.add(notice["code"])
                found.append(notice)
        report = sequence_report(info, rows, self._first(), found, times is not None)
        return {**report, "slice_axis": self._first()["slice_axis"], "heart": heart}


def heartCommand(
    model: str,
    reports: list[dict | None],
    frames: list[int],
    times: list[float] | None,
    body: dict,
    **phases: int | None,
) -> dict | None:
    """The engine's command for a heart; None without reports. phases: end_diastole, end_systole."""
    if not reports or findModel(model) is None:
        return None
    return {"command": "cine", "model": model, "reports": reports, "frames": frames, "times_s": times, "body": body,
            **phases}  # fmt: skip


def checkedBody(body: dict | None) -> dict:
    from resformer_unet.cardiac.body import BodySize

    return checkedOptions(BodySize, body or {})


def _checkedFrames(frames: tuple[int, int] | None, count: int) -> list[int]:
    if frames is None:
        return list(range(count))
    try:
        first, last = frames
        chosen = list(range(first, last + 1))
    except (TypeError, ValueError):
        chosen = []
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        raise ResFormerSegError(
            "BAD_FRAMES",
            _("The frames must be the first and the last one, from 0 to {last}.").format(last=count - 1),
            _("Give for instance (0, 9), or None for all frames."),
        )
    return chosen
