"""Keeps one worker process between jobs, so that the next run finds the network loaded; one job at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.engine.process import EngineProcess
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import callSafely

BACKGROUND_SECONDS = 30.0  # how long a run of the user waits for a job in the background; a driver may hang


@dataclass
class LastRun:
    """What a bug report says of the last run.

    settings: command, model, device and options; nothing of the image. error: None when it succeeded. log: the engine's
    last lines, after the cause of the error. devices: the last list of devices and versions from the engine, whichever
    run it was; None before.
    """

    settings: dict | None = None
    error: ResFormerSegError | None = None
    log: str = ""
    devices: dict | None = None

    def remember(self, command: dict, error: BaseException | None, log: str) -> None:
        shown = ("command", "model", "device", "options")
        self.settings = {name: command[name] for name in shown if name in command}
        # A copy: the traceback of an exception refers to whatever its callers held, such as nodes.
        self.error = error.copy() if isinstance(error, ResFormerSegError) else None
        self.log = log


class EngineKeeper:
    """Lends the worker to one job at a time.

    A worker that has exited meanwhile (it does so after five idle minutes) is replaced with the next job. While a run
    of the user is in progress, another is refused; a job in the background, such as listing the devices, waits for its
    turn, and a run waits for it.

    makeEngine: makes a worker; tests put their own here.
    """

    def __init__(self, makeEngine: Callable[[], EngineProcess] = EngineProcess) -> None:
        self.lastRun = LastRun()
        self._makeEngine = makeEngine
        self._engine: EngineProcess | None = None
        self._hasServed = False  # whether it has completed a job
        self._leaving: list[EngineProcess] = []  # stopped, but not exited yet
        self._jobs: list = []  # the first has the worker, the others wait
        self._onQuit = self._stopAll  # one object, for connect and disconnect
        self._watchesQuitting = False
        self.isCallingBack = False  # whether the run in progress is in a function of its caller
        self.listeners: list[Callable[[], None]] = []  # called whenever a run of the user begins or ends
        self._companion: EngineKeeper | None = None

    def isBusy(self) -> bool:
        """Whether a run of the user is in progress."""
        return any(not job.inBackground for job in self._jobs)

    def companion(self) -> EngineKeeper:
        """The keeper of a second worker, for long work beside the user's runs; stopped together with this one."""
        if self._companion is None:
            self._companion = EngineKeeper(self._makeEngine)
            self._companion.lastRun = self.lastRun
        return self._companion

    def admit(self, job) -> None:
        """Takes a job; its `begin` is called, from the event loop, when it is its turn.

        Raises ResFormerSegError: ENGINE_BUSY.
        """
        if self.isBusy() and not job.inBackground:
            raise ResFormerSegError(
                "ENGINE_BUSY",
                _("Another run is in progress; the engine processes one at a time."),
                _("Wait until it has finished, or cancel it."),
            )
        self._jobs.append(job)
        if len(self._jobs) == 1:
            job.callLater(job.begin)
        elif not job.inBackground:
            first = self._jobs[0]
            first.callLater(lambda: first.abort(_outOfTime()), round(1000 * BACKGROUND_SECONDS))
        self._notifyListeners(job)  # last: a listener may end another job, whose end begins this one

    def engine(self) -> tuple[EngineProcess, bool]:
        """The worker, and whether it has completed a job before; a new one is started if there is none."""
        if self._engine is not None:
            return self._engine, self._hasServed
        self._watchQuitting(True)
        self._engine, self._hasServed = self._makeEngine(), False
        self._engine.onEvent, self._engine.onEnded = self._onEvent, self._onEnded
        self._engine.start()
        return self._engine, False

    def release(self, job, engineIsIdle: bool, then: Callable[[], None]) -> None:
        """The job is over. A worker that is still busy with it is stopped; `then` is called once it has exited."""
        hadTheEngine = bool(self._jobs) and self._jobs[0] is job
        if job in self._jobs:
            self._jobs.remove(job)
        if engineIsIdle or self._engine is None:
            self._hasServed = self._hasServed or hadTheEngine
            then()
        else:
            self._discard(then)
        if hadTheEngine and self._jobs:
            self._jobs[0].callLater(self._jobs[0].begin)
        self._notifyListeners(job)

    @contextmanager
    def callingBack(self) -> Iterator[None]:
        """While a run calls a function of its caller, which must not wait for another run: it would wait for itself."""
        before, self.isCallingBack = self.isCallingBack, True
        try:
            yield
        finally:
            self.isCallingBack = before

    def renew(self) -> None:
        """The next job starts a new worker, which finds packages installed meanwhile; a busy worker stays."""
        if self._engine is not None and not self._jobs:
            self._discard()
        if self._companion is not None:
            self._companion.renew()

    def stopNow(self) -> None:
        """Ends the worker and the jobs, and returns when it is done: for the end of the application or the module."""
        self._watchQuitting(False)
        self._stopAll()
        if self._companion is not None:
            self._companion.stopNow()

    def _stopAll(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.stopNow(graceSeconds=0 if self._jobs else 3.0)
        for engine in list(self._leaving):
            engine.stopNow(graceSeconds=0)
        for job in list(self._jobs):
            job.abort(
                ResFormerSegError(
                    "ENGINE_CLOSED", _("The run was stopped because the application or the module is closing.")
                )
            )

    def _onEvent(self, event: dict) -> None:
        if self._jobs:
            self._jobs[0].onEngineEvent(event)

    def _onEnded(self, error: ResFormerSegError) -> None:
        """The process may hang instead of having exited, and still has to be stopped."""
        self._discard()
        if self._jobs:
            self._jobs[0].onEngineEnded(error)

    def _notifyListeners(self, job) -> None:
        if not job.inBackground:
            for listener in list(self.listeners):
                callSafely(listener)

    def _discard(self, then: Callable[[], None] | None = None) -> None:
        engine, self._engine = self._engine, None
        self._leaving.append(engine)

        def forget() -> None:
            self._leaving.remove(engine)
            if then is not None:
                then()

        engine.stop(graceSeconds=0, then=forget)

    def _watchQuitting(self, on: bool) -> None:
        if on == self._watchesQuitting:
            return
        self._watchesQuitting = on
        if on:
            slicer.app.connect("aboutToQuit()", self._onQuit)
        else:
            slicer.app.disconnect("aboutToQuit()", self._onQuit)


def _outOfTime() -> ResFormerSegError:
    return ResFormerSegError(
        "ENGINE_NEEDED", _("The background task took too long and was stopped in favour of a run.")
    )


_shared: EngineKeeper | None = None


def sharedKeeper() -> EngineKeeper:
    """One for the whole application: panel and console share the worker and its memory."""
    global _shared
    if _shared is None:
        _shared = EngineKeeper()
    return _shared
