"""Carries out one task with the engine: export, command, progress, and the import of the result into the scene.

Everything happens in short steps called by Qt's event loop, so the same code serves the panel, which stays responsive,
and the console call, which waits in an event loop of its own.
"""

from __future__ import annotations

import functools
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.engine import process_errors
from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.engine.process import ENDS_OF_A_JOB
from ResFormerSegLib.engine.temporary_folder import makeTemporaryFolder, removeTemporaryFolder
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.runs.input_watch import InputWatch
from ResFormerSegLib.runs.progress import JobProgress
from ResFormerSegLib.runs.task import Task

CANCEL_SECONDS = 5.0  # how long the engine may take to finish the present batch
STEP_SECONDS = 0.02  # of work at a time, between two rounds of the event loop


def _guarded(method):
    """For methods that Qt calls: Qt would swallow an exception, and the run would never end."""

    @functools.wraps(method)
    def call(self, *arguments) -> None:
        if self.isOver:
            return
        try:
            method(self, *arguments)
        except ResFormerSegError as error:
            self._fail(error)
        except Exception as error:
            if error is self._stopReason:  # raised by the caller's callback: the caller gets it back
                self._fail(error)
                return
            logging.exception("The run failed unexpectedly")
            message = _("The run failed unexpectedly: {reason}.").format(reason=f"{type(error).__name__}: {error}")
            self._fail(ResFormerSegError("INTERNAL", message, _("Please report it together with the log.")))

    return call


class Job:
    """A run in progress. It begins with the next round of the event loop: callbacks may be set right after `start`.

    onProgress: called with the fraction done, 0 to 1, a sentence, and the seconds left, None while they are unknown.
    onFinished: called with the result. onFailed: called with the error, also when the run was cancelled (code
    "CANCELLED"); the scene is then as it was before. Exactly one of these two is called, once.

    >>> job = Job(keeper, PredictionTask(volumeNode, "brain-tumor-mr", "auto"))
    >>> job.onFinished, job.onFailed = print, print
    >>> job.start()
    """

    def __init__(self, keeper: EngineKeeper, task: Task) -> None:
        self.onProgress: Callable[[float, str, float | None], None] = _ignore
        self.onFinished: Callable[[Any], None] = _ignore
        self.onFailed: Callable[[Exception], None] = _ignore
        self.isOver = False
        self.inBackground = task.inBackground
        self._keeper = keeper
        self._task = task
        self._id = uuid.uuid4().hex
        self._folder = None
        self._steps = None
        self._command: dict = {}
        self._engine = None
        self._engineWorks = False
        self._awaitsFirstEvent = False  # sent to a worker kept from an earlier job, and no event came since
        self._onCpu = False
        self._stopReason: Exception | None = None
        self._progress = JobProgress(task.passes)
        self._inputs = InputWatch(task.nodes, self._stop)
        self._notices: list[dict] = []

    def start(self) -> None:
        """Raises ResFormerSegError when another run is in progress."""
        self._keeper.admit(self)
        self._inputs.start()

    def cancel(self) -> None:
        """Asks the run to stop; `onFailed` is called once it has, at the latest after CANCEL_SECONDS."""
        self._stop(ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed.")))

    def abort(self, error: Exception) -> None:
        """Ends the run at once."""
        if not self.isOver:
            self._fail(error)

    @_guarded
    def begin(self) -> None:
        """Called by the keeper when it is this job's turn."""
        self._inputs.check()
        if self._task.needsFolder:
            self._folder = makeTemporaryFolder()
        self._keeper.engine()  # starts while the volume is written
        self._report(_("Starting the engine"))
        self._work(self._task.export(self._folder), self._onExported)

    @_guarded
    def onEngineEvent(self, event: dict) -> None:
        if not self._engineWorks or event.get("id", self._id) != self._id:
            return
        self._awaitsFirstEvent = False
        kind = event["event"]
        if kind in ENDS_OF_A_JOB:
            self._engineWorks = False
            if self._stopReason is not None:
                raise self._stopReason
        try:
            self._handle(kind, event)
        except (KeyError, TypeError, ValueError) as error:
            raise process_errors.garbled(f"{error!r} in {event}\n{self._log()}") from error

    @_guarded
    def onEngineEnded(self, error: ResFormerSegError) -> None:
        if not self._engineWorks:  # sending the command will start another worker
            return
        self._engineWorks = False
        if self._stopReason is not None:
            raise self._stopReason
        if self._awaitsFirstEvent:  # it exited between two jobs: a new one does it
            self._send()
        elif error.code == "ENGINE_GPU_BROKEN" and not self._onCpu:
            self._onCpu = True
            self._command["device"] = "cpu"
            message = _("The GPU failed during the run; the run was repeated on the CPU, which takes longer.")
            self._notices.append({"code": "CPU_AFTER_GPU_FAILURE", "message": message})
            self._progress.restartPass()
            self._report(_("The GPU failed; repeating the run on the CPU"))
            self._send()
        else:
            raise error

    def _handle(self, kind: str, event: dict) -> None:
        if kind == "status":
            self._progress.startStage()
            self._report(str(event["message"]))
        elif kind == "progress":
            done, total = int(event["done"]), int(event["total"])
            secondsLeft = self._progress.update(done, total)
            self._report(self._task.describeProgress(done, total), secondsLeft)
        elif kind == "notice":
            self._notices.append({"code": str(event["code"]), "message": str(event["message"])})
        elif kind == "error":
            raise ResFormerSegError(event["code"], event["message"], event.get("hint", ""))
        elif kind == "cancelled":
            raise ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed."))
        elif kind == "result":
            self._work(self._task.follow(event, self._folder), functools.partial(self._onFollowed, event))

    def _work(self, steps, done: Callable[[Any], None]) -> None:
        """Goes through a generator, some milliseconds at a time; `done` is called with what it returns."""
        self._steps, self._done = steps, done
        qt.QTimer.singleShot(0, self._doSteps)

    @_guarded
    def _doSteps(self) -> None:
        if self._stopReason is not None:
            raise self._stopReason
        self._inputs.check()
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            try:
                next(self._steps)
            except StopIteration as end:
                self._done(end.value)
                return
        qt.QTimer.singleShot(0, self._doSteps)

    def _onExported(self, command: dict) -> None:
        self._command = {**command, "id": self._id}
        if self._onCpu:
            self._command["device"] = "cpu"
        self._send()

    def _onFollowed(self, event: dict, command: dict | None) -> None:
        self._progress.endPass()
        if command is not None:
            self._onExported(command)
            return
        self._report(_("Adding the result to the scene"))  # before the import, as the callback may fail
        self._work(self._task.finish(event, self._notices), self._onImported)

    def _send(self) -> None:
        self._engine, self._awaitsFirstEvent = self._keeper.engine()
        self._engineWorks = True
        self._engine.send(self._command)

    def _onImported(self, result: Any) -> None:
        self._end()
        self.onFinished(result)

    def _stop(self, reason: Exception) -> None:
        if self.isOver or self._stopReason is not None:
            return
        self._stopReason = reason
        if not self._engineWorks:
            self._fail(reason)
            return
        self._engine.send({"command": "cancel", "id": self._id})
        self._report(_("Cancelling"))
        qt.QTimer.singleShot(round(1000 * CANCEL_SECONDS), self._giveUpWaiting)

    @_guarded
    def _giveUpWaiting(self) -> None:
        raise self._stopReason

    def _fail(self, error: Exception) -> None:
        if isinstance(error, ResFormerSegError):
            error.details = error.details or self._log()
        self._end(error)
        self.onFailed(error)

    def _end(self, error: Exception | None = None) -> None:
        self.isOver = True
        if self._command and not self.inBackground:
            self._keeper.lastRun.remember(self._command, error, self._log())
        if self._steps is not None:
            self._steps.close()
        self._inputs.stop()
        removeTemporaryFolder(self._folder)
        folder = self._folder
        self._keeper.release(self, not self._engineWorks, lambda: removeTemporaryFolder(folder))

    def _report(self, message: str, secondsLeft: float | None = None) -> None:
        try:
            self.onProgress(self._progress.fraction, message, secondsLeft)
        except Exception as error:
            self.onProgress = _ignore
            self._stop(error)

    def _log(self) -> str:
        return self._engine.log() if self._engine is not None else ""


def _ignore(*arguments) -> None:
    """The default of a callback."""
