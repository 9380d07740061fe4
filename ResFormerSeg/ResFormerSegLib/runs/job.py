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

from slicer.i18n import tr as _

from ResFormerSegLib.engine import process_errors
from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.engine.process import ENDS_OF_A_JOB
from ResFormerSegLib.engine.temporary_folder import makeTemporaryFolder, removeTemporaryFolder
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import LaterCall, callLater, callSafely, onApplicationThread
from ResFormerSegLib.runs.input_watch import InputWatch
from ResFormerSegLib.runs.progress import JobProgress
from ResFormerSegLib.runs.task import Task

CANCEL_SECONDS = 5.0  # how long the engine may take to finish the present batch
REPLY_SECONDS = 4.0  # until a worker kept from an earlier run sends its first event; then, once more, a second look
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
        except BaseException as error:
            # Raised by a function of the caller, who gets it back; or an interruption from the keyboard.
            if error is self._stopReason or not isinstance(error, Exception):
                self._fail(error)
                return
            logging.exception("The run failed unexpectedly")
            message = _("The run failed unexpectedly: {reason}.").format(reason=f"{type(error).__name__}: {error}")
            internal = ResFormerSegError("INTERNAL", message, _("Please report it together with the log."))
            internal.__cause__ = error
            self._fail(internal)

    return call


class Job:
    """A run in progress. It begins with the next round of the event loop: callbacks may be set right after `start`.

    onProgress: called with the fraction done, 0 to 1, a sentence, and the seconds left, None while they are unknown.
    onFinished: called with the result. onFailed: called with the error, also when the run was cancelled (code
    "CANCELLED"); the scene is then as it was before. Exactly one of these two is called, once, whatever the functions
    do. An exception in `onProgress` ends the run and is what `onFailed` is called with; one in the other two is shown
    and changes nothing. A job that is over refers to nothing of the run.

    `start`, `cancel` and `abort` raise ResFormerSegError WRONG_THREAD on any thread but the application's.

    >>> job = Job(keeper, PredictionTask(volumeNode, "brain-tumor-mr", "auto"))
    >>> job.onFinished, job.onFailed = print, print
    >>> job.start()
    """

    def __init__(self, keeper: EngineKeeper, task: Task) -> None:
        self.onProgress: Callable[[float, str, float | None], None] = _ignore
        self.onFinished: Callable[[Any], None] = _ignore
        self.onFailed: Callable[[BaseException], None] = _ignore
        self.isOver = False
        self.inBackground = task.inBackground
        self.keeper = keeper
        self._task: Task | None = task
        self._id = uuid.uuid4().hex
        self._folder = None
        self._steps = self._done = None
        self._isStepping = False  # whether the scene may be half changed
        self._calls: list[LaterCall] = []
        self._command: dict = {}
        self._engine = None
        self._engineWorks = False
        self._awaitsFirstEvent = False  # sent to a worker kept from an earlier job, and no event came since
        self._onCpu = False
        self._stopReason: BaseException | None = None
        self._progress = JobProgress(task.passes)
        self._inputs = InputWatch(task.nodes, self._stop)
        self._notices: list[dict] = []

    @onApplicationThread
    def start(self) -> None:
        """Raises ResFormerSegError when another run is in progress."""
        self.keeper.admit(self)
        self._inputs.start()

    @onApplicationThread
    def cancel(self) -> None:
        """Asks the run to stop; `onFailed` is called once it has, at the latest after CANCEL_SECONDS."""
        self._stop(ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed.")))

    @onApplicationThread
    def abort(self, error: BaseException) -> None:
        """Ends the run at once."""
        self._fail(error)

    def callLater(self, function: Callable[[], None], milliseconds: int = 0) -> None:
        """As that of `event_loop`, unless the run is over by then."""
        self._calls = [call for call in self._calls if call.isPending]
        self._calls.append(callLater(function, milliseconds))

    @_guarded
    def begin(self) -> None:
        """Called by the keeper when it is this job's turn."""
        self._inputs.check()
        if self._task.needsFolder:
            self._folder = makeTemporaryFolder()
        self.keeper.engine()  # starts while the volume is written
        self._work(self._task.export(self._folder), self._onExported)
        self._report(_("Starting the engine"))

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
            self._send()
            self._report(_("The GPU failed; repeating the run on the CPU"))
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
            error = ResFormerSegError(event["code"], event["message"], event.get("hint", ""))
            steps = self._task.afterError(error, self._folder)
            if steps is None:
                raise error
            self._work(steps, functools.partial(self._onFollowed, event))
        elif kind == "cancelled":
            raise ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed."))
        elif kind == "result":
            self._work(self._task.follow(event, self._folder), functools.partial(self._onFollowed, event))

    def _work(self, steps, done: Callable[[Any], None]) -> None:
        """Goes through a generator, some milliseconds at a time; `done` is called with what it returns."""
        self._steps, self._done = steps, done
        self.callLater(self._doSteps)

    @_guarded
    def _doSteps(self) -> None:
        if self._stopReason is not None:
            raise self._stopReason
        self._inputs.check()
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            result, isLast = self._step()
            isInScene = isLast and self._done == self._onImported  # then it is too late to stop
            if self._stopReason is not None and not isInScene:
                raise self._stopReason
            if isLast:
                self._done(result)
                return
        self.callLater(self._doSteps)

    def _step(self) -> tuple[Any, bool]:
        """What the generator returns, and whether it is at its end."""
        self._isStepping = True
        try:
            next(self._steps)
        except StopIteration as end:
            return end.value, True
        finally:
            self._isStepping = False
        return None, False

    def _onExported(self, command: dict) -> None:
        self._command = {**command, "id": self._id}
        if self._onCpu:
            self._command["device"] = "cpu"
        if self._folder is not None:  # should the application die, the worker removes it
            self._command["temporary_folder"] = str(self._folder)
        self._send()

    def _onFollowed(self, event: dict, command: dict | None) -> None:
        self._progress.endPass()
        if command is not None:
            self._onExported(command)
            return
        self._work(self._task.finish(event, self._notices), self._onImported)
        self._report(_("Adding the result to the scene"))

    def _send(self) -> None:
        self._engine, self._awaitsFirstEvent = self.keeper.engine()
        self._engineWorks = True
        self._engine.send(self._command, REPLY_SECONDS if self._awaitsFirstEvent else None)

    def _onImported(self, result: Any) -> None:
        onFinished = self.onFinished
        self._end()
        callSafely(onFinished, result)

    def _stop(self, reason: BaseException) -> None:
        if self.isOver or self._stopReason is not None:
            return
        self._stopReason = reason
        if not self._engineWorks:
            self._fail(reason)
            return
        self._engine.send({"command": "cancel", "id": self._id})
        self.callLater(self._giveUpWaiting, round(1000 * CANCEL_SECONDS))
        self._report(_("Cancelling"))

    @_guarded
    def _giveUpWaiting(self) -> None:
        raise self._stopReason

    def _fail(self, error: BaseException) -> None:
        if self.isOver:
            return
        if self._isStepping:  # called by an observer of the scene, in the midst of a change: once that is complete
            self._stopReason = self._stopReason or error
            return
        if isinstance(error, ResFormerSegError):
            error.details = error.details or self._log(error)
        onFailed = self.onFailed
        self._end(error)
        callSafely(onFailed, error)

    def _end(self, error: BaseException | None = None) -> None:
        self.isOver = True
        for call in self._calls:
            call.cancel()
        if self._command and not self.inBackground:
            self.keeper.lastRun.remember(self._command, error, self._log(error))
        if self._steps is not None:
            self._steps.close()
        self._inputs.stop()
        removeTemporaryFolder(self._folder)
        folder = self._folder
        # Whoever keeps the job must not keep nodes and arrays with it.
        self.onProgress = self.onFinished = self.onFailed = _ignore
        self._task = self._steps = self._done = self._engine = self._inputs = self._stopReason = None
        self._calls, self._notices = [], []
        self.keeper.release(self, not self._engineWorks, lambda: removeTemporaryFolder(folder))

    def _report(self, message: str, secondsLeft: float | None = None) -> None:
        """The last thing that a step does, as the function may do anything, even end the run."""
        try:
            with self.keeper.callingBack():
                self.onProgress(self._progress.fraction, message, secondsLeft)
        except BaseException as error:
            self.onProgress = _ignore
            self._stop(error)

    def _log(self, error: BaseException | None = None) -> str:
        """The end of the engine's log, after the cause of the error, if it has one."""
        cause = getattr(error, "__cause__", None)
        log = self._engine.log() if self._engine is not None else ""
        return f"{type(cause).__name__}: {cause}\n{log}".strip() if cause is not None else log


def _ignore(*arguments) -> None:
    """The default of a callback."""
