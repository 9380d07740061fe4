"""A run over many cases: one after the other, by a worker of its own, with the results in a folder on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import slicer
from slicer.i18n import tr as _

from resformer_unet.batch.case_row import case_row
from resformer_unet.batch.volume_state import file_name_of
from ResFormerSegLib.cases.case_input import CaseInput
from ResFormerSegLib.cases.row import DONE, FAILED, KEPT, RUNNING, WAITING, Row
from ResFormerSegLib.cases.tasks import CaseTask, FindTask
from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import callLater, callSafely
from ResFormerSegLib.runs.job import Job

# Errors of which no other case would be spared.
_OF_ALL = {
    "OUTPUT_NOT_WRITABLE", "DISK_FULL", "SUMMARY_IN_THE_WAY", "CASES_BUSY", "TEMPORARY_FOLDER_NOT_WRITABLE",
    "ENGINE_NOT_STARTED", "ENGINE_INCOMPLETE", "ENGINE_CLOSED", "ENGINE_MISSING", "ONNX_RUNTIME_MISSING",
    "PYTORCH_MISSING", "NOT_A_MODEL", "BAD_OPTION",
}  # fmt: skip
_OF_ALL_PREFIXES = ("MODEL_", "DEVICE_")
_OF_THE_ENGINE, MOST_FAILURES = "ENGINE_", 3  # a worker that dies with each case is no fault of the cases

_running: CasesRun | None = None  # one at a time, in the whole application


class CasesRun:
    """inputs: scene volumes, series, files, and folders to search. folder: of the results; settings: see `CaseTask`.

    The results stay in the folder, as the command line writes them; those that an earlier run has written of the same
    image with the same settings are kept. `rows` has one row for each case. Whatever happens to one case, the others go
    on; what was done when the run ends is kept, however it ends.

    onRow: called with a row that has changed. onRows: called when rows have been added. onProgress: called with the
    number of cases done, of all, the fraction done of the present one, and a sentence. onFinished: called with the
    rows. onFailed: with a ResFormerSegError (CANCELLED, SCENE_CLOSED, or what no other case would be spared). One of
    the last two is called, once, from the event loop.
    """

    def __init__(self, keeper: EngineKeeper, inputs: Sequence[CaseInput], folder: str, settings: dict) -> None:
        self.onRow: Callable[[Row], None] = _ignore
        self.onRows: Callable[[], None] = _ignore
        self.onProgress: Callable[[int, int, float, str], None] = _ignore
        self.onFinished: Callable[[list[Row]], None] = _ignore
        self.onFailed: Callable[[ResFormerSegError], None] = _ignore
        self.rows: list[Row] = []
        self.folder = folder
        self.isOver = False
        self._keeper, self._settings = keeper, settings
        self._paths = [source.path for source in inputs if source.isToBeSearched]
        self._add([source for source in inputs if not source.isToBeSearched])
        self._job: Job | None = None
        self._stopping: ResFormerSegError | None = None
        self._failures = 0  # of the engine, one after the other
        self._observation: int | None = None

    def start(self) -> None:
        """Raises ResFormerSegError: CASES_RUNNING."""
        global _running
        if _running is not None:
            raise ResFormerSegError(
                "CASES_RUNNING",
                _("Another run over many cases is in progress."),
                _("Wait until it has finished, or cancel it."),
            )
        _running = self
        scene = slicer.mrmlScene
        self._observation = scene.AddObserver(scene.StartCloseEvent, self._onSceneClosing)
        self._begin(FindTask(self._paths, self.folder), self._onFound, self._onNotFound)

    def cancel(self) -> None:
        """What is done stays; `onFailed` is called once the present case has stopped."""
        self._stop(ResFormerSegError("CANCELLED", _("The run was cancelled; the results so far were kept.")))

    def abandon(self) -> None:
        """Ends it at once, without a call: for the end of the panel."""
        self.onRow = self.onRows = self.onProgress = self.onFinished = self.onFailed = _ignore
        if self.isOver:
            return
        job, self._job = self._job, None
        self._end()
        if job is not None:
            job.onFinished = job.onFailed = job.onProgress = _ignore
            job.abort(ResFormerSegError("ENGINE_CLOSED", _("The run was stopped.")))

    @property
    def done(self) -> int:
        return sum(row.state in (DONE, KEPT, FAILED) for row in self.rows)

    def _begin(self, task, finished: Callable, failed: Callable) -> None:
        job = self._job = Job(self._keeper, task)
        job.onFinished, job.onFailed = finished, failed
        job.start()

    def _add(self, inputs: Sequence[CaseInput]) -> None:
        self.rows += [
            Row(
                source.title or source.name,
                len(self.rows) + number,
                source,
                case=source.name if source.isPlanned else "",
            )
            for number, source in enumerate(inputs)
        ]

    def _onFound(self, inputs: list[CaseInput]) -> None:
        self._job = None
        self._add(inputs)
        if inputs:
            callSafely(self.onRows)
        self._next()

    def _onNotFound(self, error: ResFormerSegError) -> None:
        self._job = None
        self._fail(self._stopping or error)

    def _next(self) -> None:
        if self.isOver:
            return
        row = next((row for row in self.rows if row.state == WAITING), None)
        if self._stopping is not None or row is None:
            self._finish()
            return
        row.state = RUNNING
        callSafely(self.onRow, row)
        self._report(0.0, _("Starting"))
        try:
            taken = [other.case for other in self.rows if other.case and other is not row]
            source = row.input
            if source.isOfScene and source.volumeNode is None:
                raise ResFormerSegError("INPUT_REMOVED", _("The volume was removed from the scene."))
            task = CaseTask(source, self.folder, taken, self._settings)
            self._begin(task, partial(self._onDone, row), partial(self._onCaseFailed, row))
            self._job.onProgress = self._onCaseProgress
        except ResFormerSegError as error:
            self._onCaseFailed(row, error)

    def _onCaseProgress(self, fraction: float, message: str, secondsLeft: float | None) -> None:
        self._report(fraction, message)

    def _onDone(self, row: Row, event: dict) -> None:
        self._job, self._failures = None, 0
        row.facts, row.case, row.error = case_row(event["report"]), event["case"], None
        if row.input.isOfScene and row.case != file_name_of(row.input.name):
            row.title = row.case  # of several volumes of one name
        row.state = KEPT if event.get("kept") else DONE
        callSafely(self.onRow, row)
        self._next()

    def _onCaseFailed(self, row: Row, error: ResFormerSegError) -> None:
        self._job = None
        isOfEngine = error.code.startswith(_OF_THE_ENGINE)
        self._failures = self._failures + 1 if isOfEngine else 0
        isOfAll = error.code in _OF_ALL or error.code.startswith(_OF_ALL_PREFIXES)
        if self._stopping is not None or isOfAll or self._failures >= MOST_FAILURES:
            row.state = WAITING
            callSafely(self.onRow, row)
            self._fail(self._stopping or error)
            return
        # A copy: its traceback refers to nodes and arrays.
        row.state, row.error = FAILED, error.copy()
        callSafely(self.onRow, row)
        callLater(self._next)  # not at once: a thousand volumes of a scene that is gone would be a deep recursion

    def _report(self, fraction: float, message: str) -> None:
        row = next((row for row in self.rows if row.state == RUNNING), None)
        text = f"{row.title}: {message}" if row is not None else message
        callSafely(self.onProgress, self.done, len(self.rows), fraction, text)

    def _stop(self, reason: ResFormerSegError) -> None:
        if self.isOver or self._stopping is not None:
            return
        self._stopping = reason
        if self._job is not None:
            self._job.cancel()
        # Without a job the next case is about to begin; it finds out.

    def _onSceneClosing(self, caller=None, event=None) -> None:
        """Images on the disk go on; volumes of the scene cannot."""
        if any(row.input.isOfScene and row.state in (WAITING, RUNNING) for row in self.rows):
            message = _("The scene was closed; the results so far were kept.")
            self._stop(ResFormerSegError("SCENE_CLOSED", message, _("Load it again and press Run to go on.")))

    def _finish(self) -> None:
        if self._stopping is not None:
            self._fail(self._stopping)
            return
        finished = self.onFinished
        self._end()
        callSafely(finished, self.rows)

    def _fail(self, error: ResFormerSegError) -> None:
        failed = self.onFailed
        self._end()
        callSafely(failed, error)

    def _end(self) -> None:
        global _running
        self.isOver = True
        if _running is self:
            _running = None
        if self._observation is not None:
            slicer.mrmlScene.RemoveObserver(self._observation)
            self._observation = None
        self.onRow = self.onRows = self.onProgress = self.onFinished = self.onFailed = _ignore


def isRunning() -> bool:
    """Whether a run over many cases is in progress, the panel's or a script's."""
    return _running is not None


def _ignore(*arguments) -> None:
    """The default of a callback."""
