"""Evaluates a heart again with end-diastole or end-systole in other frames; the segmentations stay."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.prediction import modelReference
from ResFormerSegLib.runs.sequence_import import fillFrameTable
from ResFormerSegLib.runs.sequence_prediction import checkedBody, heartCommand
from ResFormerSegLib.runs.sequence_results import SequenceResult, saveSequenceResult
from ResFormerSegLib.runs.task import Task


class CineTask(Task):
    """result: of a `SequenceTask` with a model of the heart; not changed. modelId: the model that made it.

    endDiastole, endSystole: numbers of frames; None takes those that the volume curve gives. body: as of SequenceTask;
    without height and weight, those of the result stay.
    """

    needsFolder = False

    def __init__(
        self, result: SequenceResult, modelId, endDiastole: int | None, endSystole: int | None, body: dict | None
    ) -> None:
        if not isinstance(result, SequenceResult) or not result.heartReports:
            raise ResFormerSegError(
                "NOT_A_HEART",
                _("This is no result of a heart's sequence."),
                _("Run all frames of a short-axis cine with a model of the heart first."),
            )
        super().__init__(result.tableNode)
        self._result = result
        size = checkedBody(body)
        if result.heart is not None and set(size.values()) == {None}:
            size = {name: result.heart["body"][name] for name in size}
        frames = [row["index"] for row in result.frames]
        times = [row["time_s"] for row in result.frames] if result.report["times_known"] else None
        self._command = heartCommand(
            modelReference(modelId), result.heartReports, frames, times, size,
            end_diastole=_frame(endDiastole), end_systole=_frame(endSystole),
        )  # fmt: skip
        if self._command is None:
            raise ResFormerSegError(
                "MODEL_NOT_FOUND",
                _("The model '{model}' of this result was not found.").format(model=modelId),
                _("Add its folder again, under Advanced."),
            )

    def export(self, folder: Path | None) -> Generator[None, None, dict]:
        yield
        return self._command

    def finish(self, event: dict, notices: list[dict]) -> Generator[None, None, SequenceResult]:
        yield
        result = replace(self._result, report={**self._result.report, "heart": event["heart"]})
        modified = result.tableNode.StartModify()
        try:
            fillFrameTable(result.tableNode, result.report)
            saveSequenceResult(result)
        finally:
            result.tableNode.EndModify(modified)
        return result


def _frame(number) -> int | None:
    if number is None:
        return None
    try:
        return int(number)
    except (TypeError, ValueError):
        raise ResFormerSegError(
            "NO_SUCH_FRAME", _("A frame is given by its number, counted from 0."), _("Give a whole number, or None.")
        ) from None
