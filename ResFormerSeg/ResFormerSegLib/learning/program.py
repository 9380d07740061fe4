"""A long command of the engine's command line in a process of its own, beside the worker: training, comparing."""

from __future__ import annotations

from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.engine.process import MODULE_FOLDER, EngineProcess, engineCommand
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import callSafely

ENDS = ("result", "estimate", "error")

_running: set[Program] = set()  # a process must live until it has ended
_watchesQuitting = False


class Program:
    """Starts at once; `stop` ends it. It ends by itself when the application does, however that ends.

    arguments: of the command line, with the command first. onProgress: called with the task, done and total. onNote:
    with a line of text. onFinished: with the last event, a dict. onFailed: with a ResFormerSegError. One of the last
    two is called, once, from the event loop; neither after `stop`.
    """

    def __init__(self, arguments: list[str], makeEngine: Callable[[list[str]], EngineProcess] | None = None) -> None:
        self.onProgress: Callable[[str, int, int], None] = _ignore
        self.onNote: Callable[[str], None] = _ignore
        self.onFinished: Callable[[dict], None] = _ignore
        self.onFailed: Callable[[ResFormerSegError], None] = _ignore
        self.isOver = False
        script = str(MODULE_FOLDER / "resformer_unet" / "__main__.py")
        command = [engineCommand()[0], script, *arguments, "--json"]
        self._process = (makeEngine or EngineProcess)(command)
        self._process.onEvent, self._process.onEnded = self._onEvent, self._onEnded
        _running.add(self)
        _watchQuitting()
        self._process.start()

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """Ends the program without waiting for it. then: called when it has ended."""
        if self.isOver:
            if then is not None:
                then()
            return
        self._end()
        _running.add(self)

        def ended() -> None:
            _running.discard(self)
            if then is not None:
                then()

        self._process.stop(then=ended)

    def stopNow(self) -> None:
        """As `stop`, but returns when the program has ended: for the end of the application."""
        self._end()
        self._process.stopNow()

    def _onEvent(self, event: dict) -> None:
        if self.isOver:
            return
        kind = event["event"]
        if kind == "progress":
            callSafely(self.onProgress, event["task"], event["done"], event["total"])
        elif kind == "note":
            callSafely(self.onNote, event["text"])
        elif kind in ENDS:
            finished, failed = self.onFinished, self.onFailed
            self.stop()
            if kind == "error":
                error = ResFormerSegError(event["code"], event["message"], event["hint"], self._process.log())
                callSafely(failed, error)
            else:
                callSafely(finished, event)

    def _onEnded(self, error: ResFormerSegError) -> None:
        """It has ended without a last event."""
        if self.isOver:
            return
        failed = self.onFailed
        self._end()
        if error.code == "ENGINE_STOPPED":
            error = ResFormerSegError(
                "TRAINING_STOPPED",
                _("The process of the training ended unexpectedly."),
                _("Press Resume to go on after the last complete epoch; the details say more."),
                error.details,
            )
        callSafely(failed, error)

    def _end(self) -> None:
        self.isOver = True
        self.onProgress = self.onNote = self.onFinished = self.onFailed = _ignore
        _running.discard(self)


def _watchQuitting() -> None:
    global _watchesQuitting
    if not _watchesQuitting:
        _watchesQuitting = True
        slicer.app.connect("aboutToQuit()", _stopAll)


def _stopAll() -> None:
    """Also those that have given their last event and are still on their way out."""
    for program in list(_running):
        program.stopNow()


def _ignore(*arguments) -> None:
    """The default of a callback."""
