"""One task on its way through the engine: export, command, progress, and the result's import into the scene.

Everything happens in short steps that Qt's event loop calls, so the same code serves the panel, which goes on
meanwhile, and the console call, which waits in an event loop of its own.
"""

from __future__ import annotations

import functools
import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.engine import ends as engine_end
from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.engine.process import ENDS_OF_A_JOB
from ResFormerSegLib.runs.task import Task
from ResFormerSegLib.engine.temporary_folder import makeTemporaryFolder, removeTemporaryFolder
from ResFormerSegLib.runs.time_left import TimeLeft

CANCEL_SECONDS = 5.0  # how long the engine may take to finish the batch it is at
STEP_SECONDS = 0.02  # of work at a time, between two looks at the application's events


def _guarded(method):
    """For what Qt calls: Qt would swallow an exception, and the run would never end."""

    @functools.wraps(method)
    def call(self, *arguments) -> None:
        if self.isOver:
            return
        try:
            method(self, *arguments)
        except ResFormerSegError as error:
            self._fail(error)
        except Exception as error:
            if error is self._reason:  # of the caller's own code: the caller shall see it
                self._fail(error)
                return
            logging.exception("The run failed unexpectedly")
            message = _("The run failed unexpectedly: {reason}.").format(reason=f"{type(error).__name__}: {error}")
            self._fail(ResFormerSegError("INTERNAL", message, _("Please report it with the log.")))

    return call


class Job:
    """A run under way. It starts with the event loop's next turn, so what is set right after `start` hears of all.

    onProgress: called with the fraction done, 0 to 1, a sentence, and the seconds left, or None as long as nobody can
    tell. onFinished: called with the result. onFailed: called with the error, also when the run was cancelled (code
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
        self._isUnheard = False  # sent to a worker that has served before, and nothing was heard of it since
        self._onCpu = False
        self._reason: Exception | None = None  # why the run is being stopped
        self._fraction = 0.0
        self._timeLeft = TimeLeft()
        self._notices: list[dict] = []
        self._observations: list[int] = []

    def start(self) -> None:
        """Raises ResFormerSegError when another run is under way."""
        self._keeper.admit(self)
        scene = slicer.mrmlScene
        for event in (scene.NodeRemovedEvent, scene.EndCloseEvent):
            self._observations.append(scene.AddObserver(event, self._onSceneChanged))

    def cancel(self) -> None:
        """Asks the run to stop; `onFailed` is called once it has, or once the engine has had time enough."""
        self._stop(ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed.")))

    def abort(self, error: Exception) -> None:
        """Ends the run at once."""
        if not self.isOver:
            self._fail(error)

    @_guarded
    def begin(self) -> None:
        """The keeper calls it when it is this job's turn."""
        self._checkNodes()
        if self._task.needsFolder:
            self._folder = makeTemporaryFolder()
        self._keeper.engine()  # starts while the volume is written
        self._tell(_("Starting the engine"))
        self._work(self._task.export(self._folder), self._onExported)

    @_guarded
    def onEngineEvent(self, event: dict) -> None:
        if not self._engineWorks or event.get("id", self._id) != self._id:
            return
        self._isUnheard = False
        kind = event["event"]
        if kind in ENDS_OF_A_JOB:
            self._engineWorks = False
            if self._reason is not None:
                raise self._reason
        try:
            self._handle(kind, event)
        except (KeyError, TypeError, ValueError) as error:
            raise engine_end.garbled(f"{error!r} in {event}\n{self._log()}") from error

    @_guarded
    def onEngineEnded(self, error: ResFormerSegError) -> None:
        if not self._engineWorks:  # the command, if it is still to come, starts another one
            return
        self._engineWorks = False
        if self._reason is not None:
            raise self._reason
        if self._isUnheard:  # it left, or was killed, between two jobs: nobody has to know
            self._send()
        elif error.code == "ENGINE_GPU_BROKEN" and not self._onCpu:
            self._onCpu = True
            self._command["device"] = "cpu"
            message = _("The graphics card failed during the run; it was done again on the CPU, which takes longer.")
            self._notices.append({"code": "CPU_AFTER_GPU_FAILURE", "message": message})
            self._fraction = self._fractionWith(0.0)
            self._tell(_("The graphics card failed: starting again on the CPU"))
            self._send()
        else:
            raise error

    def _handle(self, kind: str, event: dict) -> None:
        if kind == "status":
            self._timeLeft.startStage()
            self._tell(str(event["message"]))
        elif kind == "progress":
            done, total = int(event["done"]), int(event["total"])
            self._fraction = self._fractionWith(done / max(1, total))
            left = total * (self._task.passes - self._task.passesDone)  # the images of all passes are taken for alike
            self._tell(self._task.describeProgress(done, total), self._timeLeft.seconds(done, left))
        elif kind == "notice":
            self._notices.append({"code": str(event["code"]), "message": str(event["message"])})
        elif kind == "error":
            raise ResFormerSegError(event["code"], event["message"], event.get("hint", ""))
        elif kind == "cancelled":
            raise ResFormerSegError("CANCELLED", _("The run was cancelled; nothing was changed."))
        elif kind == "result":
            self._work(self._task.follow(event, self._folder), functools.partial(self._onFollowed, event))

    def _fractionWith(self, pass_: float) -> float:
        """Of all passes, when so much of the present one is done."""
        return min(1.0, (self._task.passesDone + pass_) / self._task.passes)

    def _work(self, steps, done: Callable[[Any], None]) -> None:
        """Goes through a generator, some milliseconds at a time; `done` is called with what it returns."""
        self._steps, self._done = steps, done
        qt.QTimer.singleShot(0, self._doSteps)

    @_guarded
    def _doSteps(self) -> None:
        if self._reason is not None:
            raise self._reason
        self._checkNodes()
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
        if command is not None:
            self._onExported(command)
            return
        self._fraction = 1.0
        self._tell(_("Putting the result into the scene"))  # before it: the callback may fail
        self._work(self._task.finish(event, self._notices), self._onImported)

    def _send(self) -> None:
        self._engine, self._isUnheard = self._keeper.engine()
        self._engineWorks = True
        self._engine.send(self._command)

    def _onImported(self, result: Any) -> None:
        self._end()
        self.onFinished(result)

    def _stop(self, reason: Exception) -> None:
        if self.isOver or self._reason is not None:
            return
        self._reason = reason
        if not self._engineWorks:
            self._fail(reason)
            return
        self._engine.send({"command": "cancel", "id": self._id})
        self._tell(_("Cancelling"))
        qt.QTimer.singleShot(round(1000 * CANCEL_SECONDS), self._giveUpWaiting)

    @_guarded
    def _giveUpWaiting(self) -> None:
        raise self._reason

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
        for observation in self._observations:
            slicer.mrmlScene.RemoveObserver(observation)
        removeTemporaryFolder(self._folder)
        folder = self._folder
        self._keeper.release(self, not self._engineWorks, lambda: removeTemporaryFolder(folder))

    def _onSceneChanged(self, *arguments) -> None:
        """From within the scene's own change: looked at when that is complete."""
        qt.QTimer.singleShot(0, self._lookAtNodes)

    @_guarded
    def _lookAtNodes(self) -> None:
        try:
            self._checkNodes()
        except ResFormerSegError as error:
            self._stop(error)

    def _checkNodes(self) -> None:
        if not all(_isInScene(reference) for reference in self._task.nodes):
            raise ResFormerSegError(
                "INPUT_REMOVED",
                _("The volume or the segmentation of this run was removed from the scene."),
                _("Load it again and restart."),
            )

    def _tell(self, message: str, secondsLeft: float | None = None) -> None:
        try:
            self.onProgress(self._fraction, message, secondsLeft)
        except Exception as error:
            self.onProgress = _ignore
            self._stop(error)

    def _log(self) -> str:
        return self._engine.log() if self._engine is not None else ""


def _isInScene(reference) -> bool:
    node = reference.Get()
    return node is not None and node.GetScene() is not None


def _ignore(*arguments) -> None:
    """Nobody listens."""
