"""Reading of unknown files where a crash is survived: in processes of their own, with a time limit.

The libraries that decode images are written in C and C++; a broken file can end the process that reads it, or keep it
busy for ever. Here that costs one file. The processes are kept for the next files, one for each thread that reads at
the same time, and end with this process.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.first_bytes import first_bytes
from resformer_unet.image.medical_image import MedicalImage, too_large
from resformer_unet.image.reader_messages import DESCRIBE, receive, receive_blocks, send
from resformer_unet.image.sequence import Sequence, SequenceInfo

_LEAST_SECONDS = 60.0
_BYTES_A_SECOND = 1e6  # of the file, on the slowest disk or network that still counts as working
_PACKAGE_PARENT = str(Path(__file__).parents[2])


def read_image_guarded(path: str | Path, *, series: str | None = None) -> MedicalImage:
    """Read an image as :func:`.read_image` does, in another process.

    Raises:
        EngineError: READER_CRASHED, READING_TIMED_OUT, and those of :func:`.read_image`.
    """
    return _read(Path(path), series)


def open_sequence_guarded(path: str | Path, *, series: str | None = None) -> Sequence:
    """Open a sequence as :func:`.open_sequence` does; each frame is read in another process.

    Raises:
        EngineError: READER_CRASHED, READING_TIMED_OUT, and those of :func:`.open_sequence`.
    """
    path = Path(path)
    return Sequence(_read(path, series, DESCRIBE), lambda index: _read(path, series, index))


def start_reader() -> None:
    """Have a process ready for the next image: it starts while this one loads a network, say."""
    _idle.append(_take())


def _read(path: Path, series: str | None, frame: int | str | None = None) -> MedicalImage | SequenceInfo:
    first_bytes(path)
    reader = _take()
    answer = reader.read(path, series, frame)
    _idle.append(reader)  # not after an exception of another kind than an answer
    if isinstance(answer, EngineError):
        raise answer
    return answer


class _Reader:
    """A process that reads one image at a time."""

    def __init__(self) -> None:
        paths = os.pathsep.join(filter(None, [_PACKAGE_PARENT, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "resformer_unet.image.reader_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def read(
        self, path: Path, series: str | None, frame: int | str | None
    ) -> MedicalImage | SequenceInfo | EngineError:
        """frame: see :func:`.reader_process.main`. Raises ``EngineError`` if the process has ended."""
        limit, started = _seconds_for(path), time.monotonic()
        try:
            send(self._process.stdin, (str(path), series, _current_folder(), limit, frame))
            reply = receive(self._process.stdout)
            if isinstance(reply, EngineError | SequenceInfo):
                return reply
            if reply is not None:
                voxels = np.empty(reply["shape"], reply["dtype"])
                error = receive_blocks(self._process.stdout, voxels.reshape(-1).view(np.uint8).data)
                voxels.flags.writeable = False
                return error or MedicalImage(voxels, **reply["fields"])
        except (BrokenPipeError, EOFError):
            pass
        except MemoryError:
            self.close(kill=True)
            raise too_large(path.name) from None
        except BaseException:  # such as an interrupt: the rest of the answer is of no use to anyone
            self.close(kill=True)
            raise
        code = self.close(kill=True)
        if time.monotonic() - started >= limit:
            raise EngineError(
                "READING_TIMED_OUT",
                f"“{path.name}” could not be read within {limit:.0f} s.",
                "The file is damaged, or the disk is very slow. Export the image anew.",
            )
        raise EngineError(
            "READER_CRASHED",
            f"“{path.name}” made its reader crash ({_reason(code)}): it is damaged, of an unusual kind, or too large "
            "for the memory.",
            "Open it in another program, and save it as PNG, NRRD or NIfTI.",
        )

    def close(self, kill: bool = False) -> int:
        """The exit code."""
        with suppress(OSError):
            self._process.stdin.close()
        if kill:
            with suppress(subprocess.TimeoutExpired):  # one that crashed leaves its own exit code
                return self._process.wait(0.2)
            self._process.kill()
        code = self._process.wait()
        self._process.stdout.close()
        return code

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None


_idle: list[_Reader] = []
_owner = os.getpid()
_lock = threading.Lock()


def _take() -> _Reader:
    """A reader that no other thread uses."""
    global _owner
    with _lock:
        if _owner != os.getpid():  # this process was forked: the readers belong to its parent
            _idle.clear()
            _owner = os.getpid()
        while _idle:
            reader = _idle.pop()
            if reader.is_alive:
                return reader
    return _Reader()


def _seconds_for(path: Path) -> float:
    try:
        files = path.iterdir() if path.is_dir() else [path]
        size = sum(file.stat().st_size for file in files)
    except (OSError, ValueError):
        size = 0
    return _LEAST_SECONDS + size / _BYTES_A_SECOND


def _current_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return os.curdir


def _reason(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


@atexit.register
def _close_all() -> None:
    if _owner == os.getpid():
        while _idle:
            _idle.pop().close()
