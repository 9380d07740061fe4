"""The folder beside a model that its training writes to, and the lock by which one training at a time does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from resformer_unet.atomic_files import writing_errors
from resformer_unet.errors import EngineError
from resformer_unet.model.descriptor import DESCRIPTOR
from resformer_unet.training_set.locking import locked

ENDING, LOCK = ".training", "running.lock"
PATIENCE_S = 0.2  # whoever asks whether a training is running holds the lock for a moment


def run_folder(output: Path) -> Path:
    """``<output>.training``."""
    return output.with_name(output.name + ENDING)


@contextmanager
def running(output: str | Path, note: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock of the training into ``output``, whose folder is made; it ends with the process at the latest.

    Other threads of this process are kept out like other processes. A disk without locks cannot keep anyone out:
    the training goes on, and ``note`` is told.

    Raises:
        EngineError: TRAINING_RUNNING, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    output = Path(output).resolve()
    work = run_folder(output)
    with writing_errors(output):
        if output.exists() and not output.is_dir():
            raise FileExistsError(17, "there is a file of that name")
        work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(locked(work / LOCK, _running_already(output), PATIENCE_S))
        except EngineError as error:
            if error.code != "LOCK_UNSUPPORTED":
                raise
            if note is not None:
                note(f"Files in “{work}” cannot be locked: take care that no other program trains into it.")
        yield


def is_running(output: str | Path, seconds: float = 0.0) -> bool:
    """Whether a training into ``output`` is running, still after that time; none is where nothing can be written."""
    output = Path(output).resolve()
    error = _running_already(output)
    try:
        with locked(run_folder(output) / LOCK, error, seconds):
            return False
    except EngineError as raised:
        return raised is error


def refuse_if_running(output: str | Path) -> None:
    """Raises ``EngineError`` TRAINING_RUNNING. Tells early; only :func:`.running` keeps a later one out."""
    if is_running(output, PATIENCE_S):
        raise _running_already(Path(output).resolve())


def refuse_other_folder(output: str | Path) -> None:
    """Raises ``EngineError`` OUTPUT_EXISTS for a folder with files but no model: some would be overwritten."""
    output = Path(output).resolve()
    if not output.is_dir() or (output / DESCRIPTOR).exists():
        return
    with writing_errors(output):
        others = sorted(path.name for path in output.iterdir() if not path.name.startswith("."))
    if others:
        raise EngineError(
            "OUTPUT_EXISTS",
            f"“{output}” holds other files, such as {others[0]}, and no model.",
            "Name a new folder: a model has one of its own.",
        )


def _running_already(output: Path) -> EngineError:
    return EngineError(
        "TRAINING_RUNNING",
        f"Another program is training into “{output}” at this moment.",
        "Wait until it has finished, or train into another folder.",
    )
