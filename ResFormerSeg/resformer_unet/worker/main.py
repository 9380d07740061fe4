"""Serves the engine to another program, such as 3D Slicer, from a process of its own.

Commands come as JSON lines on stdin, events go as JSON lines to stdout, log text to stderr; ``docs/worker-protocol.md``
lists them, ``worker_commands.py`` carries them out. The process ends with its stdin, so that nothing is left behind
when the other program dies, and when it had nothing to do for a while.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable

from resformer_unet import __version__
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.worker.commands import Commands

PROTOCOL = 2
HEARTBEAT_SECONDS = 2.0
IDLE_SECONDS = 300.0
EXIT_GPU_BROKEN = 86  # the graphics card fails until this process has ended; another one may use the CPU


class Job:
    """One command under way, as the code that carries it out sees it.

    Attributes:
        cancelled: asked between two steps of the work; true says to raise ``Cancelled``.
    """

    def __init__(self, identifier: str, send: Callable[..., None], cancelled: Callable[[], bool]) -> None:
        self._id = identifier
        self._send = send
        self.cancelled = cancelled

    def tell(self, event: str, **content) -> None:
        self._send(event, id=self._id, **content)

    def progress(self, done: int, total: int) -> None:
        self.tell("progress", done=done, total=total)


class Worker:
    """Reads commands in one thread, so that a job under way can be cancelled, and works on them in the main one."""

    def __init__(self, commands, events, idle_seconds: float = IDLE_SECONDS) -> None:
        self._events = events
        self._idle_seconds = idle_seconds
        self._writing = threading.Lock()
        self._jobs: queue.Queue[dict | None] = queue.Queue()
        self._open: list[str] = []  # ids of the jobs that wait or are under way
        self._cancelled: set[str] = set()
        self._leaving = False
        self._busy = threading.Event()
        self._commands = Commands()
        threading.Thread(target=self._read, args=(commands,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def serve(self) -> int:
        """Work on commands until told to quit, until stdin ends or until idle for too long; gives the exit code."""
        self._send("ready", protocol=PROTOCOL, version=__version__)
        while (command := self._next()) is not None:
            self._busy.set()
            try:
                self._work(command)
            except _GpuBroken:
                return EXIT_GPU_BROKEN
            finally:
                self._busy.clear()
        return 0

    def _next(self) -> dict | None:
        try:
            return self._jobs.get(timeout=self._idle_seconds)
        except queue.Empty:
            print(f"Nothing to do for {self._idle_seconds:g} seconds: leaving.", file=sys.stderr)
            return None

    def _work(self, command: dict) -> None:
        identifier = str(command.get("id", ""))
        job = Job(identifier, self._send, lambda: self._leaving or identifier in self._cancelled)
        try:
            job.tell("result", **self._commands.run(command, job))
        except Cancelled:
            job.tell("cancelled")
        except EngineError as error:
            job.tell("error", code=error.code, message=error.message, hint=error.hint)
        except ImportError as error:
            traceback.print_exc()
            job.tell(
                "error", code="ENGINE_INCOMPLETE", message=_missing(error),
                hint="Install it anew; PyTorch (torch) comes with Slicer's PyTorch extension.",
            )  # fmt: skip
        except MemoryError:
            traceback.print_exc()
            job.tell(
                "error", code="OUT_OF_MEMORY", message="The computer's memory is full.",
                hint="Close other programs, or crop the image.",
            )  # fmt: skip
        except Exception as error:  # whatever happens, the other side must hear of it
            traceback.print_exc()
            if self._commands.gpu_is_broken():
                raise _GpuBroken from error
            message = f"The engine failed unexpectedly: {type(error).__name__}: {error}"
            job.tell("error", code="INTERNAL", message=message, hint="Please report it with the log.")
        finally:
            self._open.remove(identifier)
            self._cancelled.discard(identifier)  # another job may have the same id

    def _read(self, commands) -> None:
        for line in commands:
            try:
                command = json.loads(line)
            except ValueError:
                command = None
            if not isinstance(command, dict):
                self._send("error", id="", code="NOT_JSON", message=f"Not a JSON object: {line[:80]!r}", hint="")
                continue
            identifier = str(command.get("id", ""))
            if command.get("command") == "cancel":
                if identifier in self._open:
                    self._cancelled.add(identifier)
            elif command.get("command") == "quit":
                break
            else:
                self._open.append(identifier)
                self._jobs.put(command)
        self._leaving = True
        self._jobs.put(None)

    def _beat(self) -> None:
        while True:
            self._busy.wait()
            self._send("heartbeat")
            threading.Event().wait(HEARTBEAT_SECONDS)

    def _send(self, event: str, **content) -> None:
        line = json.dumps({"event": event, **content}, ensure_ascii=False, allow_nan=False) + "\n"
        with self._writing:
            try:
                self._events.write(line)
                self._events.flush()
            except (BrokenPipeError, ValueError):  # nobody listens any more
                self._leaving = True


def _missing(error: ImportError) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"The engine needs the Python package '{error.name}', which is not installed."
    return f"A Python package that the engine needs cannot be loaded: {error}."


class _GpuBroken(Exception):
    """Every further call to the graphics card fails until this process has ended."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m resformer_unet.worker", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--idle-seconds", type=float, default=IDLE_SECONDS, help="leave after so long without a job (default 300)"
    )
    options = parser.parse_args(arguments)
    # Libraries may print: only events belong on the channel that the other program reads.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    commands = os.fdopen(0, "r", encoding="utf-8", errors="replace")
    code = Worker(commands, events, options.idle_seconds).serve()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # taking PyTorch down in good order takes a while, and with a broken graphics driver may hang
