"""The engine's worker process: starts it, sends commands, hands out its events, and reports how it ended.

Commands and events are JSON, one object a line, on the worker's standard input and output; its log goes to standard
error. Everything is driven by Qt's signals: Python threads do not run reliably beside the application's event loop.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import qt

from ResFormerSegLib.engine import process_errors
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import LaterCall, callLater

MODULE_FOLDER = Path(__file__).resolve().parents[2]
LONGEST_LINE = 64 * 1024 * 1024  # bytes; a result for thousands of slices stays far below
LOG_BYTES = 20_000  # kept of the end of the log
SECOND_LOOK_SECONDS = 5.0  # after the computer has slept, the heartbeat comes later than the clock would have it
TERMINATE_SECONDS = 1.0  # how long a worker may take to exit after terminate
ENDS_OF_A_JOB = ("result", "error", "cancelled")


def engineCommand() -> list[str]:
    """The command line that starts the worker with the application's own Python.

    By its path, not as a module: PYTHONPATH, which would have to name the extension's folder, ends at a colon in it.
    """
    python = shutil.which("python-real") or shutil.which("PythonSlicer") or sys.executable
    return [python, str(MODULE_FOLDER / "resformer_unet" / "worker" / "__main__.py")]


def engineEnvironment() -> qt.QProcessEnvironment:
    """The worker runs in the application's working directory, where a relative model folder is found, as on the
    command line, but imports nothing from there."""
    environment = qt.QProcessEnvironment.systemEnvironment()
    for name in ("PYTHONSAFEPATH", "PYTHONUNBUFFERED", "PYTHONUTF8"):
        environment.insert(name, "1")
    return environment


class EngineProcess:
    """One worker, for one life: start, send, and in the end stop (or stopNow).

    command: the worker's command line, by default the bundled engine. startSeconds: how long the worker may take until
    its first event. silenceSeconds: how long it may then send nothing while it has a job; it sends a heartbeat every
    2 s. onEvent: called with each event, a dict. onEnded: called once, with the reason, when the worker has exited
    without being asked to, or hangs and has to be stopped; neither is called from within `start`, `send` or `stop`.

    >>> engine = EngineProcess()
    >>> engine.onEvent, engine.onEnded = print, print
    >>> engine.start()
    >>> engine.send({"command": "predict", ...})
    """

    def __init__(
        self, command: list[str] | None = None, startSeconds: float = 180.0, silenceSeconds: float = 60.0
    ) -> None:
        self.onEvent: Callable[[dict], None] = _ignore
        self.onEnded: Callable[[ResFormerSegError], None] = _ignore
        self._command = command or engineCommand()
        self._allowed = startSeconds  # seconds until the next event is due
        self._silenceSeconds = silenceSeconds
        self._log = b""
        self._process: qt.QProcess | None = None
        self._clock: qt.QTimer | None = None
        self._isOver = False
        self._isConnected = False
        self._isDoubtful = False  # silent for so long that one more look is due
        self._garbled = False
        self._then: Callable[[], None] = _ignore
        self._later: LaterCall | None = None

    def start(self) -> None:
        """Starts the worker; a failure to start is reported through `onEnded`."""
        self._clock = qt.QTimer()
        self._clock.setSingleShot(True)
        process = self._process = qt.QProcess()
        process.setProcessChannelMode(qt.QProcess.SeparateChannels)
        process.setProcessEnvironment(engineEnvironment())
        for sender, signal, slot in self._connections():
            sender.connect(signal, slot)
        self._isConnected = True
        process.start(self._command[0], self._command[1:])

    def send(self, command: dict, replySeconds: float | None = None) -> None:
        """Sends a command; that the worker has exited meanwhile is reported through `onEnded`.

        replySeconds: when the first event is due, for a worker that is known to reply at once.
        """
        if self._isOver:
            return
        self._process.write(json.dumps(command).encode() + b"\n")
        if command["command"] not in ("cancel", "quit"):
            self._isDoubtful = False
            if replySeconds is not None:
                self._allowed = min(replySeconds, self._allowed)
            self._clock.start(round(1000 * self._allowed))

    def stop(self, graceSeconds: float = 3.0, then: Callable[[], None] | None = None) -> None:
        """Stops the worker without waiting for it: quit command, then terminate, then kill.

        Keep this object until then: the destructor of a running process would wait. graceSeconds: time to exit by
        itself; 0 for a worker whose work is no longer needed. then: called once it has exited. No event is handed out
        any more.
        """
        self.onEvent = self.onEnded = _ignore
        self._then = then or _ignore
        if self._process is None or self._isOver:
            self._then()
            return
        self._clock.stop()
        self._requestQuit()
        self._later = callLater(self._terminate, round(1000 * graceSeconds))

    def stopNow(self, graceSeconds: float = 3.0) -> None:
        """As `stop`, but returns only when the worker has exited: for the end of the application."""
        self.onEvent = self.onEnded = _ignore
        if self._process is None or self._isOver:
            return
        self._clock.stop()
        self._disconnect()  # the wait would call the slots, which would disconnect a signal while it is being emitted
        self._requestQuit()
        for patience, insist in ((graceSeconds, self._process.terminate), (TERMINATE_SECONDS, self._process.kill)):
            if patience and self._process.waitForFinished(round(1000 * patience)):
                break
            insist()
        self._process.waitForFinished(5000)
        self._finish()

    def log(self) -> str:
        """The last lines that the worker wrote to its log."""
        return self._log.decode(errors="replace").strip()

    def _connections(self) -> tuple[tuple, ...]:
        return (
            (self._clock, "timeout()", self._onSilence),
            (self._process, "readyReadStandardOutput()", self._readEvents),
            (self._process, "readyReadStandardError()", self._readLog),
            (self._process, "finished(int,QProcess::ExitStatus)", self._onFinished),
            (self._process, "errorOccurred(QProcess::ProcessError)", self._onError),
        )

    def _disconnect(self) -> None:
        """Connections keep this object alive. Does nothing the second time."""
        if self._isConnected:
            self._isConnected = False
            for sender, signal, slot in self._connections():
                sender.disconnect(signal, slot)

    def _requestQuit(self) -> None:
        self.send({"command": "quit"})
        self._process.closeWriteChannel()

    def _terminate(self) -> None:
        if not self._isOver:
            self._process.terminate()
            self._later = callLater(self._kill, round(1000 * TERMINATE_SECONDS))

    def _kill(self) -> None:
        if not self._isOver:
            self._process.kill()

    def _readEvents(self) -> None:
        while self._process.canReadLine():
            self._handle(self._process.readLine().data())
        if self._process.bytesAvailable() > LONGEST_LINE:
            self._handle(self._process.readAllStandardOutput().data())

    def _handle(self, line: bytes) -> None:
        event = _parseEvent(line)
        if event is None:  # a library that prints to standard output
            self._garbled = True
            self._keep(line[:200] + b"\n")
            return
        self._allowed = self._silenceSeconds
        self._isDoubtful = False
        if event["event"] in ENDS_OF_A_JOB:
            self._clock.stop()
        elif self._clock.isActive():
            self._clock.start(round(1000 * self._allowed))
        self.onEvent(event)

    def _readLog(self) -> None:
        self._keep(self._process.readAllStandardError().data())

    def _keep(self, text: bytes) -> None:
        self._log = (self._log + text)[-LOG_BYTES:]

    def _onSilence(self) -> None:
        if not self._isDoubtful:
            self._isDoubtful = True
            self._clock.start(round(1000 * min(SECOND_LOOK_SECONDS, self._allowed)))
            return
        self.onEnded(process_errors.silent(self._allowed, self.log()))

    def _onFinished(self, exitCode: int, exitStatus: int) -> None:
        if self._isOver:
            return
        self._readLog()
        self._readEvents()
        if rest := self._process.readAllStandardOutput().data():
            self._handle(rest)
        self._finish()
        crashed = exitStatus == qt.QProcess.CrashExit
        self.onEnded(process_errors.ended(int(exitCode), crashed, self._garbled, self.log()))

    def _onError(self, error: int) -> None:
        """A process that does not start is the one case in which Qt does not emit `finished`."""
        if error == qt.QProcess.FailedToStart and not self._isOver:
            reason = self._process.errorString()
            self._finish()
            callLater(lambda: self.onEnded(process_errors.notStarted(self._command[0], reason)))

    def _finish(self) -> None:
        if self._isOver:
            return
        self._isOver = True
        self._clock.stop()
        if self._later is not None:
            self._later.cancel()
        self._disconnect()
        # The references stay until this object goes: Qt must not delete a process from within its own signal.
        self._process.deleteLater()
        self._clock.deleteLater()
        then, self._then = self._then, _ignore
        then()


def _parseEvent(line: bytes) -> dict | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _ignore(*arguments) -> None:
    """The default of a callback."""
