"""The engine's worker process: starts it, sends commands, hands out its events, and names the way in which it ended.

Commands and events are JSON, one object a line, on the worker's standard input and output; its log goes to standard
error. Two threads read the pipes, since a pipe cannot be read without blocking on every system; all else happens on
the thread that calls.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

MODULE_FOLDER = Path(__file__).resolve().parent.parent
LONGEST_LINE = 64 * 1024 * 1024  # bytes; a result for thousands of slices stays far below
LOG_LINES = 100


def engineCommand() -> list[str]:
    """The command line that starts the worker with the application's own Python."""
    python = shutil.which("python-real") or shutil.which("PythonSlicer") or sys.executable
    return [python, "-m", "resformer_unet.worker"]


def engineEnvironment() -> dict[str, str]:
    """The worker runs in the application's working directory, where a relative model folder is found, as on the
    command line, but imports nothing from there."""
    searchPath = [str(MODULE_FOLDER), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, searchPath)),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


class EngineProcess:
    """One worker. Use it in this order: start, send, nextEvent again and again, stop (always, also after an error).

    command: the worker's command line, by default the bundled engine. startSeconds: how long the worker may take to
    say its first word (it imports PyTorch meanwhile). silenceSeconds: how long it may then be silent; while it works
    it sends a heartbeat every 2 s.

    >>> engine = EngineProcess()
    >>> engine.start()
    >>> engine.send({"command": "predict", ...})
    >>> event = engine.nextEvent(timeout=0.05)       # a dict, or None when there was nothing within the timeout
    >>> engine.stop()
    """

    def __init__(
        self, command: list[str] | None = None, startSeconds: float = 180.0, silenceSeconds: float = 60.0
    ) -> None:
        self._command = command or engineCommand()
        self._startSeconds = startSeconds
        self._silenceSeconds = silenceSeconds
        self._process: subprocess.Popen | None = None
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()  # None: standard output was closed
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._heardFrom = False
        self._garbled = False
        self._lastSign = 0.0  # time.monotonic() of the last event or command

    def start(self) -> None:
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=engineEnvironment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # no console window on Windows
            )
        except OSError as error:
            raise ResFormerSegError(
                "ENGINE_NOT_STARTED",
                _("The engine could not be started: {program}: {reason}.").format(
                    program=self._command[0], reason=error.strerror or error
                ),
                _("Reinstall the ResFormerSeg extension; check that no antivirus software blocks Slicer's Python."),
            ) from error
        self._lastSign = time.monotonic()
        self._readers = [
            threading.Thread(target=self._readEvents, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._readLog, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def send(self, command: dict) -> None:
        """Sends a command.

        That the worker has ended meanwhile is not told here but by the next `nextEvent`, which knows why.
        """
        self._lastSign = time.monotonic()
        try:
            self._process.stdin.write(json.dumps(command).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            logging.debug("The engine does not take commands any more: %s", error)

    def nextEvent(self, timeout: float) -> dict | None:
        """Waits up to `timeout` seconds for the worker's next event; None when there is none yet.

        Raises ResFormerSegError when the worker has ended, or has been silent for too long. Lines that are no events
        (some library that prints) go to the log.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if line is None:
                raise self._endError()
            event = _parseEvent(line)
            if event is not None:
                self._heardFrom = True
                self._lastSign = time.monotonic()
                return event
            self._garbled = True
            self._log.append(line[:200].decode(errors="replace").rstrip())
        allowed = self._silenceSeconds if self._heardFrom else self._startSeconds
        if time.monotonic() - self._lastSign > allowed:
            raise ResFormerSegError(
                "ENGINE_SILENT",
                _("The engine has not answered for {seconds} seconds and was stopped.").format(seconds=round(allowed)),
                _("Try again; if it happens again, choose the CPU as device."),
                self.log(),
            )
        return None

    def stop(self, graceSeconds: float = 3.0) -> None:
        """Ends the worker, however it fares: asks it, then terminates it, then kills it.

        Does nothing when it was never started.
        """
        process = self._process
        if process is None:
            return
        self.send({"command": "quit"})
        try:
            process.stdin.close()
        except OSError:
            pass  # it ended before it had read all
        for patience, insist in ((graceSeconds, process.terminate), (1.0, process.kill)):
            try:
                process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                insist()
        process.wait()
        for reader in self._readers:
            reader.join(1.0)
        self._process = None

    def log(self) -> str:
        """The last lines that the worker wrote to its log."""
        return "\n".join(self._log)

    def _readEvents(self, stream) -> None:
        with stream:
            while line := stream.readline(LONGEST_LINE):
                self._lines.put(line)
        self._lines.put(None)

    def _readLog(self, stream) -> None:
        with stream:
            while line := stream.readline(LONGEST_LINE):
                self._log.append(line.decode(errors="replace").rstrip())

    def _endError(self) -> ResFormerSegError:
        """Why the worker ended without being asked to."""
        try:
            exitCode = self._process.wait(5.0)
        except subprocess.TimeoutExpired:  # it closed its output and lives on
            self._process.kill()
            exitCode = 0
        self._readers[1].join(1.0)
        return _describeEnd(exitCode, self._garbled, self.log())


def _parseEvent(line: bytes) -> dict | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _describeEnd(exitCode: int, garbled: bool, log: str) -> ResFormerSegError:
    missing = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", log)
    if missing:
        return ResFormerSegError(
            "ENGINE_INCOMPLETE",
            _("The engine needs the Python package '{package}', which is not installed.").format(package=missing[1]),
            _("Install it; PyTorch (torch) comes with Slicer's PyTorch extension."),
            log,
        )
    if exitCode in (-signal.SIGTERM, -getattr(signal, "SIGKILL", signal.SIGTERM)):
        return ResFormerSegError(
            "ENGINE_KILLED",
            _("The engine was ended from outside, most often because the computer ran out of memory."),
            _("Close other programs or use a smaller volume, then try again."),
            log,
        )
    if exitCode < 0 or exitCode >= 0xC0000000:  # a signal, or on Windows an exception's status
        return ResFormerSegError(
            "ENGINE_CRASHED",
            _("The engine crashed ({reason}).").format(reason=_signalName(exitCode)),
            _("Try again with the CPU as device; if it crashes again, PyTorch or the graphics driver is broken."),
            log,
        )
    if garbled:
        return ResFormerSegError(
            "ENGINE_GARBLED",
            _("The engine's answer could not be understood."),
            _("Another program or package writes into it; reinstall the ResFormerSeg extension."),
            log,
        )
    return ResFormerSegError(
        "ENGINE_STOPPED",
        _("The engine stopped without a result (exit code {code}).").format(code=exitCode),
        _("Its last messages say why; reinstall the ResFormerSeg extension if they do not help."),
        log,
    )


def _signalName(exitCode: int) -> str:
    try:
        return signal.Signals(-exitCode).name
    except ValueError:
        return hex(exitCode & 0xFFFFFFFF)
