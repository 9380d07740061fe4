"""The part of the logic that runs a model over many cases, and shows one of them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence

from slicer.i18n import tr as _

from ResFormerSegLib.cases.case_input import CaseInput, inputOfPath, inputOfVolume
from ResFormerSegLib.cases.opening import OpenCaseTask
from ResFormerSegLib.cases.row import Row
from ResFormerSegLib.cases.run import CasesRun
from ResFormerSegLib.cases.scene_volumes import fittingVolumes
from ResFormerSegLib.cases.shown import ShownCases
from ResFormerSegLib.cases.tasks import PageTask
from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import onApplicationThread, waitInEventLoop
from ResFormerSegLib.models.catalog import findModel
from ResFormerSegLib.runs.job import Job
from ResFormerSegLib.runs.prediction import modelReference, predictionOptions
from ResFormerSegLib.runs.results import ProcessingResult
from ResFormerSegLib.runs.run_task import runTask
from ResFormerSegLib.runs.task import checkedDevice


class CasesLogic:
    """Methods of `ResFormerSegLogic`; see there for `wait` and what else each takes."""

    _keeper: EngineKeeper

    @onApplicationThread
    def cases(
        self,
        images: Sequence | None,
        modelId: str | os.PathLike,
        folder: str | os.PathLike,
        device: str = "auto",
        *,
        sliceAxis: str | None = None,
        minimumAreaMm2: float | None = None,
        smoothingMm: float = 0.0,
        wait: bool = True,
        onRow: Callable[[Row], None] | None = None,
        progress: Callable[[int, int, float, str], None] | None = None,
        isCancelled: Callable[[], bool] | None = None,
    ) -> list[dict] | CasesRun:
        """Runs a model over many images; the results are written into a folder, and none comes into the scene.

        images: volumes of the scene, and paths of files, of DICOM folders and of folders that are searched for both;
        None for all volumes of the scene that the model takes. Results that the folder holds already, of the same
        images with the same settings, are kept. It runs beside other runs, in a worker of its own.

        Returns a dict for each case: name, case (name of its files), state ("done", "kept" or "failed"), diagnosis,
        probability, uncertainty, segments, reliable, reasons, alerts, warnings, seconds, error, message. With
        `wait=False` the running `CasesRun`. A case that fails does not stop the others. isCancelled: polled; True
        raises CANCELLED, and what was done is kept.

        Raises ResFormerSegError: NO_CASES, CASES_RUNNING, and what no case would be spared, such as DISK_FULL.
        """
        inputs = _inputsOf(images, modelReference(modelId))
        run = self.casesOf(
            inputs, modelId, folder, device, sliceAxis=sliceAxis, minimumAreaMm2=minimumAreaMm2, smoothingMm=smoothingMm
        )
        run.onRow = onRow or run.onRow
        run.onProgress = progress or run.onProgress
        if wait:
            return _outcomeOf(run, isCancelled)
        run.start()
        return run

    def casesOf(
        self,
        inputs: list[CaseInput],
        modelId: str | os.PathLike,
        folder: str | os.PathLike,
        device: str = "auto",
        *,
        sliceAxis: str | None = None,
        minimumAreaMm2: float | None = None,
        smoothingMm: float = 0.0,
    ) -> CasesRun:
        """As `cases`, not started yet. Raises ResFormerSegError: NO_CASES, BAD_OPTION, NOT_A_MODEL, DEVICE_UNKNOWN."""
        options = predictionOptions(sliceAxis, None, minimumAreaMm2, smoothingMm, False)
        settings = {"model": modelReference(modelId), "device": checkedDevice(device), "options": options}
        if not inputs:
            raise ResFormerSegError(
                "NO_CASES", _("There is no image for this model."), _("Load images, or give files and folders.")
            )
        return CasesRun(self._keeper.companion(), inputs, os.path.abspath(os.fspath(folder)), settings)

    def shownCases(self, onShown: Callable, onFailed: Callable, onEdited: Callable) -> ShownCases:
        """See `ShownCases` for the functions."""
        return ShownCases(self._keeper, onShown, onFailed, onEdited)

    @onApplicationThread
    def showCase(self, folder: str | os.PathLike, case: str, volumeNode=None, **waiting) -> ProcessingResult | Job:
        """Brings a result of `cases`, or of the command line, into the scene. volumeNode: of a case that was a volume
        of the scene; any other comes with its image, which is read from its files."""
        task = OpenCaseTask(os.path.abspath(os.fspath(folder)), case, case, volumeNode)
        return runTask(self._keeper, task, **waiting)

    @onApplicationThread
    def casesPage(self, folder: str | os.PathLike, rows: Sequence[Row | dict], file: str | os.PathLike, **waiting):
        """Writes the list of cases as an HTML file. rows: of `cases`, in the order of the page. Needs Jinja2."""
        listed = [row if isinstance(row, dict) else row.toDict() for row in rows]
        cases = [
            {
                "name": row["case"],
                "title": row["case"] or row["name"],
                "message": row["message"] or (None if row["state"] in ("done", "kept") else _("It was not run.")),
                "edited": row.get("edited", False),
            }
            for row in listed
        ]
        task = PageTask(os.path.abspath(os.fspath(folder)), cases, os.path.abspath(os.fspath(file)))
        return runTask(self._keeper, task, **waiting)


def csvOf(rows: Sequence[Row]) -> str:
    """The list of cases for other programs, in the order given: numbers as they are, volumes in mm³, areas in mm²."""
    segments = list(dict.fromkeys(segment.name for row in rows if row.facts for segment in row.facts.segments))
    measures = [f"{name} {unit}" for name in segments for unit in ("voxels", "mm3", "mm2")]
    columns = [
        "case", "state", "diagnosis", "probability", "uncertainty", "reliable", *measures, "alerts", "warnings",
        "seconds", "edited", "message",
    ]  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        values = {name: "" if value is None else value for name, value in row.toDict().items()}
        for segment in row.facts.segments if row.facts else ():
            measured = (segment.voxels, segment.volume_mm3, segment.area_mm2)
            for unit, value in zip(("voxels", "mm3", "mm2"), measured, strict=True):
                values[f"{segment.name} {unit}"] = "" if value is None else value
        values["case"] = _asText(row.case or (row.input.name if row.input else row.title))
        values["alerts"] = "; ".join(row.facts.alerts) if row.facts else ""
        values["warnings"] = "; ".join(warning["code"] for warning in row.facts.warnings) if row.facts else ""
        values["reliable"] = {True: "yes", False: "no"}.get(values["reliable"], "")
        values["edited"] = "yes" if row.isEdited else "no"
        writer.writerow(values)
    return text.getvalue()


def _asText(name: str) -> str:
    """Spreadsheets would compute what begins like a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@") else name


def _inputsOf(images: Sequence | None, model: str) -> list[CaseInput]:
    if images is None:
        description = findModel(model)
        if description is None:
            raise ResFormerSegError(
                "NOT_A_MODEL",
                _("There is no model '{name}'.").format(name=model),
                _("Give the id of a model, such as 'brain-tumor-mr', or a model folder."),
            )
        images = fittingVolumes(description)[0]
    elif isinstance(images, str | os.PathLike) or hasattr(images, "GetID"):
        images = [images]
    return [inputOfPath(image) if isinstance(image, str | os.PathLike) else _volume(image) for image in images]


def _volume(node) -> CaseInput:
    if not hasattr(node, "GetImageData"):
        raise ResFormerSegError(
            "NOT_A_VOLUME",
            _("The input is not a volume but a {kind}.").format(kind=type(node).__name__),
            _("Give volumes of the scene, files and folders."),
        )
    return inputOfVolume(node)


def _outcomeOf(run: CasesRun, isCancelled: Callable[[], bool] | None) -> list[dict]:
    def begin(end: Callable[..., None]) -> None:
        run.onFinished = lambda rows: end(rows=rows)
        run.onFailed = lambda error: end(error=error)
        run.start()

    def poll() -> None:
        if isCancelled():
            run.cancel()

    try:
        outcome = waitInEventLoop(begin, poll if isCancelled is not None else None)
    finally:
        run.abandon()
    if "rows" in outcome:
        return [row.toDict() for row in outcome["rows"]]
    raise outcome.get("error") or ResFormerSegError("ENGINE_CLOSED", _("The application is closing."))
