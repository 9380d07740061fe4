"""A job in a process of its own: forked from this one, which has imported the engine already, so that it starts fast.

The child is the leader of a session: what it starts is known by that, also after its own death.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_SUBREAPER = 36  # prctl: orphans become children of this process
PATIENCE = 240.0  # seconds for a job that takes two on an idle computer


class Child:
    """A job under way; its standard output and error go to files."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self._log = log
        self.hung = False

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit code; minus the number of the signal that ended it. One that is stopped is continued."""
        deadline = time.monotonic() + patience
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG | os.WUNTRACED)
            if pid and os.WIFSTOPPED(status):
                time.sleep(0.2)
                self.signal(signal.SIGCONT)
            elif pid:
                return os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                self.hung = True
                self.signal(signal.SIGKILL)
                deadline += patience
            time.sleep(0.01)

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def descendants(self) -> dict[int, str]:
        """Living processes that it started, with their commands."""
        return {pid: command for pid, command in members(self.pid).items() if pid != self.pid}

    def orphans(self, patience: float = 30.0) -> dict[int, str]:
        """What lives on after its end; killed then."""
        deadline = time.monotonic() + patience
        while (left := members(self.pid)) and time.monotonic() < deadline:
            time.sleep(0.02)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    @property
    def output(self) -> str:
        return self._log.with_suffix(".out").read_text("utf-8", "replace")

    @property
    def errors(self) -> str:
        return self._log.with_suffix(".err").read_text("utf-8", "replace")


def members(session: int) -> dict[int, str]:
    """Living processes of a session with their commands; zombies that are children of this process are buried."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            state, _parent, _group, of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(of) != session:
                continue
            if state == "Z":
                with suppress(ChildProcessError):
                    if int(folder.name) != session:
                        os.waitpid(int(folder.name), os.WNOHANG)
                continue
            found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ").strip()
    return found


def become_subreaper() -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def start(work: Callable[[], int | None], log: Path) -> Child:
    """Run ``work`` in a child; its exit code is what the function returns, as of a program."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Child(pid, log)
    code = 121
    try:
        code = _worked(work, log)
    finally:  # whatever struck it: the child must never go on as its parent
        os._exit(code)


def start_clean(work: Callable[[], int | None], log: Path, temporary: Path) -> Child:
    """The same with an empty folder for temporary files, which any user may write to."""
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    temporary.chmod(0o777)
    return start(work, log)


def _worked(work: Callable[[], int | None], log: Path) -> int:
    """What a program does from its start to its end; returns the exit code."""
    code = 1
    try:
        os.setsid()
        _redirect(log)
        code = work() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    try:  # what the interpreter does at its end, in its order, and its exit code if that fails
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        code = code or 120
    return code


def _redirect(log: Path) -> None:
    for number, name in ((0, os.devnull), (1, log.with_suffix(".out")), (2, log.with_suffix(".err"))):
        file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(file, number)
        os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", closefd=False, buffering=1)
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False, buffering=1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may have it ignored
