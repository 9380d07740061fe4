"""Serves the engine to another program, such as 3D Slicer, from a process of its own.

Commands come as JSON lines on stdin, events go as JSON lines to stdout, log text to stderr; ``docs/worker-protocol.md``
describes them. The process ends when its stdin is closed, so that it never outlives the other program, and when it has
been idle for some minutes. If the other program has died, the worker removes the temporary folders of its commands, as
they hold a patient's image.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import shutil
import sys
import threading
import traceback
from collections.abc import Iterable
from typing import Any, TextIO

from resformer_unet import __version__
from resformer_unet.errors import Cancelled, EngineError, out_of_memory
from resformer_unet.json_text import parse_json
from resformer_unet.worker.commands import Commands
from resformer_unet.worker.devices import gpu_is_broken
from resformer_unet.worker.latest import Latest
from resformer_unet.worker.protocol import PROTOCOL, CommandContext
from resformer_unet.worker.signs_of_work import SignsOfWork

HEARTBEAT_SECONDS = 2.0
STUCK_SECONDS = 300.0  # without a sign of work, after which no heartbeat is sent any more
STOPPING_SECONDS = 15.0  # for a command to end once nobody waits for it
IDLE_SECONDS = 300.0
EXIT_GPU_BROKEN = 86  # the GPU fails until this process has ended; another process may use the CPU


class Worker:
    """Reads commands in one thread, so that the one under way can be cancelled, and runs them in the main thread."""

    def __init__(self, commands: Iterable[str], events: TextIO, idle_seconds: float = IDLE_SECONDS) -> None:
        self._events = events
        self._idle_seconds = idle_seconds
        self._writing = threading.Lock()
        self._queue: queue.Queue[dict | None] = queue.Queue()
        self._open: list[str] = []  # ids of the commands that wait or are under way
        self._cancelled: set[str] = set()
        self._frames: dict[str, Latest] = {}  # of the open commands that take frames
        self._folders: set[str] = set()  # temporary ones, of the commands so far
        self._stopping = self._abandoned = False
        self._busy = threading.Event()
        self._commands = Commands()
        self._ended = threading.Event()
        threads = [
            threading.Thread(target=self._read_or_end, args=(commands,), daemon=True),
            threading.Thread(target=self._send_heartbeats, daemon=True),
        ]
        self._signs = SignsOfWork(except_for=threads)
        for thread in threads:
            thread.start()

    def serve(self) -> int:
        """Run commands until ``quit``, the end of stdin or the idle time; returns the exit code."""
        self._send("ready", protocol=PROTOCOL, version=__version__)
        while (command := self._next()) is not None:
            self._busy.set()
            try:
                self._run(command)
            except _GpuBroken:
                return EXIT_GPU_BROKEN
            finally:
                self._busy.clear()
                self._signs.reset()  # it may hold what the command held
        self._ended.set()
        self._clear_up()
        return 0

    def _clear_up(self) -> None:
        if self._abandoned:
            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)

    def _next(self) -> dict | None:
        try:
            return self._queue.get(timeout=self._idle_seconds)
        except queue.Empty:
            print(f"Idle for {self._idle_seconds:g} seconds: the worker ends.", file=sys.stderr)
            return None

    def _run(self, command: dict) -> None:
        identifier = str(command.get("id", ""))
        context = CommandContext(
            identifier,
            self._send,
            lambda: self._stopping or identifier in self._cancelled,
            self._frames.get(identifier),
        )
        try:
            context.send("result", **self._commands.run(command, context))
        except Cancelled:
            context.send("cancelled")
        except EngineError as error:
            context.send("error", code=error.code, message=error.message, hint=error.hint)
        except Exception as error:  # every command must end with an event
            traceback.print_exc()
            if gpu_is_broken():
                raise _GpuBroken from error
            failure = _failure(error)
            context.send("error", code=failure.code, message=failure.message, hint=failure.hint)
        finally:
            self._open.remove(identifier)
            self._cancelled.discard(identifier)  # a later command may have the same id
            self._frames.pop(identifier, None)

    def _read_or_end(self, commands: Iterable[str]) -> None:
        """Without this thread nothing could tell the process what to do, or that it must end: it ends with it."""
        try:
            self._read(commands)
        except BaseException:  # of memory, for instance
            traceback.print_exc()
            os._exit(1)

    def _read(self, commands: Iterable[str]) -> None:
        for line in commands:
            try:
                command = parse_json(line)
            except ValueError as error:
                command = None
                if identifier := _id_of(line):
                    self._send("error", id=identifier, code="BAD_COMMAND", message=f"The command: {error}.", hint="")
                    continue
            if not isinstance(command, dict):
                self._send("error", id="", code="NOT_JSON", message=f"Not a JSON object: {line[:80]!r}", hint="")
                continue
            identifier = str(command.get("id", ""))
            if command.get("command") == "cancel":
                if identifier in self._open:
                    self._cancelled.add(identifier)
                    self._wake()
            elif command.get("command") == "frame":
                if (frames := self._frames.get(identifier)) is not None:
                    frames.put(command)
            elif command.get("command") == "quit":
                break
            else:
                self._open.append(identifier)
                if command.get("command") == "live":
                    self._frames[identifier] = Latest()
                if isinstance(folder := command.get("temporary_folder"), str):
                    self._folders.add(folder)
                self._queue.put(command)
        else:  # the end of stdin, without a word
            self._abandoned = True
        self._stopping = True
        self._wake()
        self._queue.put(None)
        if not self._ended.wait(STOPPING_SECONDS):  # a call into a library, such as a driver's, does not come back
            print("The command under way does not end: the worker ends without it.", file=sys.stderr)
            self._clear_up()
            os._exit(0)

    def _wake(self) -> None:
        """A command that waits for frames looks at once whether it has been cancelled."""
        for frames in list(self._frames.values()):
            frames.wake()

    def _send_heartbeats(self) -> None:
        """While a command is under way, and not stuck in a call that does not come back."""
        while True:
            self._busy.wait()
            if self._signs.missing() * HEARTBEAT_SECONDS < STUCK_SECONDS:
                self._send("heartbeat")
            threading.Event().wait(HEARTBEAT_SECONDS)

    def _send(self, event: str, **content: Any) -> None:
        if event != "heartbeat":
            self._signs.reset()
        line = json.dumps({"event": event, **content}, ensure_ascii=False, allow_nan=False) + "\n"
        with self._writing:
            try:
                self._events.write(line)
                self._events.flush()
            except (BrokenPipeError, ValueError):  # the other program has closed the pipe
                self._stopping = True


def _id_of(line: str) -> str:
    """Of a command in which a number is none, so that whoever sent it is answered; empty if it is no JSON at all."""
    try:
        command = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return str(command.get("id", "")) if isinstance(command, dict) else ""


def _failure(error: Exception) -> EngineError:
    if lack := out_of_memory(error):
        return lack
    if isinstance(error, ImportError):
        hint = "Reinstall it; PyTorch (torch) comes with Slicer's PyTorch extension."
        return EngineError("ENGINE_INCOMPLETE", _missing(error), hint)
    message = f"The engine failed unexpectedly: {type(error).__name__}: {error}"
    return EngineError("INTERNAL", message, "Please report it with the log.")


def _missing(error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"The engine needs the Python package '{error.name}', which is not installed."
    return f"A Python package that the engine needs cannot be loaded: {str(error) or type(error).__name__}."


class _GpuBroken(Exception):
    """Every further call to the GPU fails until this process has ended."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m resformer_unet.worker", description="Serves the engine to another program."
    )
    parser.add_argument(
        "--idle-seconds", type=float, default=IDLE_SECONDS, help="end after this time without a command (default 300)"
    )
    parsed = parser.parse_args(arguments)
    # Libraries may print: only events belong on the channel that the other program reads.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", buffering=1)  # half a surrogate: “?”
    os.dup2(2, 1)
    commands = os.fdopen(0, "r", encoding="utf-8", errors="replace")
    code = Worker(commands, events, parsed.idle_seconds).serve()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # PyTorch's own shutdown is slow, and may hang with a broken GPU driver
