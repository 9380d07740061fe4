"""The worker process of live mode: one for it alone, so that runs go on beside it.

If it dies, another one takes its place, once.
"""

from __future__ import annotations

from collections.abc import Callable

import slicer

from ResFormerSegLib.engine import process_errors
from ResFormerSegLib.engine.process import EngineProcess
from ResFormerSegLib.errors import ResFormerSegError

ID = "live"
CRASHES = ("ENGINE_GPU_BROKEN", "ENGINE_CRASHED", "ENGINE_KILLED", "ENGINE_STOPPED", "ENGINE_GARBLED", "ENGINE_SILENT",
           "INTERNAL")  # fmt: skip

_leaving: list[EngineProcess] = []  # stopped, but not exited yet; the destructor of a running process would wait


class LiveEngine:
    """command: the engine's `live`, without its id. makeEngine: makes a worker; tests put their own here.

    onAnswer: called with each `answer` event. onRestarted: called with the error, when another worker was started in
    the place of one that died. onFailed: called once, with the error that ends it. onQuit: called when the application
    quits. None of them from within a call.
    """

    def __init__(self, command: dict, makeEngine: Callable[[], EngineProcess] = EngineProcess) -> None:
        self.onAnswer: Callable[[dict], None] = _ignore
        self.onReady: Callable[[], None] = _ignore
        self.onRestarted: Callable[[ResFormerSegError], None] = _ignore
        self.onFailed: Callable[[ResFormerSegError], None] = _ignore
        self.onQuit: Callable[[], None] = _ignore
        self._command = {**command, "id": ID}
        self._makeEngine = makeEngine
        self._engine: EngineProcess | None = None
        self._stopped: EngineProcess | None = None  # but not exited yet
        self._wasRestarted = self._watchesQuitting = False
        self._quit = self._onQuit  # one object, for connect and disconnect

    def start(self) -> None:
        self._watchQuitting(True)
        self._start()

    def send(self, frame: dict) -> None:
        """frame: a `frame` message, see docs/worker-protocol.md."""
        if self._engine is not None:
            self._engine.send({**frame, "command": "frame", "id": ID})

    def stop(self, then: Callable[[], None]) -> None:
        """Ends the worker without waiting for it; `then` is called once it has exited."""
        self._stopped, self._engine = self._engine, None
        if self._stopped is None:
            self._watchQuitting(False)
            then()
            return
        _leaving.append(self._stopped)

        def forget() -> None:
            self._watchQuitting(False)
            _leaving.remove(self._stopped)
            self._stopped = None
            then()

        self._stopped.stop(graceSeconds=1.0, then=forget)

    def stopNow(self) -> None:
        """After `stop`: returns when the worker has exited, for the end of the application or the module."""
        if self._stopped is not None:
            self._stopped.stopNow(graceSeconds=1.0)

    def log(self) -> str:
        return self._engine.log() if self._engine is not None else ""

    def _start(self) -> None:
        self._engine = self._makeEngine()
        self._engine.onEvent, self._engine.onEnded = self._onEvent, self._onEnded
        self._engine.start()
        self._engine.send(self._command)

    def _onEvent(self, event: dict) -> None:
        if event.get("id") != ID:
            return
        if event["event"] == "answer":
            self.onAnswer(event)
        elif event["event"] == "status" and event.get("message") == "Live":
            self.onReady()
        elif event["event"] in ("error", "cancelled", "result"):
            error = ResFormerSegError(str(event.get("code", "ENGINE_STOPPED")), str(event.get("message", "")),
                                      str(event.get("hint", "")))  # fmt: skip
            self._onEnded(error)

    def _onEnded(self, error: ResFormerSegError) -> None:
        error.details = error.details or self.log()
        mayGoOn = error.code in CRASHES and not self._wasRestarted
        engine, self._engine = self._engine, None
        if engine is not None:  # which may hang instead of having exited
            _leaving.append(engine)
            engine.stop(graceSeconds=0, then=lambda: _leaving.remove(engine))
        if not mayGoOn:
            self.onFailed(error)
            return
        self._wasRestarted = True
        if error.code == "ENGINE_GPU_BROKEN":
            self._command["device"] = "cpu"
        self._start()
        self.onRestarted(error)

    def _onQuit(self) -> None:
        self.onQuit()
        self.stopNow()

    def _watchQuitting(self, on: bool) -> None:
        if on == self._watchesQuitting:
            return
        self._watchesQuitting = on
        if on:
            slicer.app.connect("aboutToQuit()", self._quit)
        else:
            slicer.app.disconnect("aboutToQuit()", self._quit)


def answerOf(event: dict) -> dict:
    """Raises ResFormerSegError ENGINE_GARBLED unless the event has what an answer must have."""
    try:
        if "error" in event:
            return {"code": str(event["error"]["code"]), "message": str(event["error"]["message"])}
        report = event["report"]
        layers, rows, columns = (int(length) for length in event["shape"])
        return {"report": {**report, "slices": list(report["slices"])}, "shape": (layers, rows, columns),
                "labels": event["labels"], "axis": int(report["slice_axis"]["array_axis"])}  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise process_errors.garbled(f"{error!r} in {str(event)[:500]}") from error


def _ignore(*arguments) -> None:
    """The default of a callback."""
