"""The output folder of programs that write one case after the other into it: one of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from resformer_unet.atomic_files import check_writable, writing_errors
from resformer_unet.batch.leftovers import remove_leftovers_of_killed
from resformer_unet.errors import EngineError
from resformer_unet.training_set.locking import locked

LOCK = ".cases.lock"
PATIENCE_S = 5.0  # a worker that has just been told to end holds its folder until it has


@contextmanager
def held_folder(output: Path) -> Iterator[None]:
    """Make the folder, hold it against other programs that write cases there, and tidy up after killed ones.

    Raises:
        EngineError: CASES_BUSY, OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    busy = EngineError(
        "CASES_BUSY",
        f"Another program is writing results into “{output}” at this moment.",
        "Wait until it has finished, or choose another folder.",
    )
    with ExitStack() as held:
        with writing_errors(output):
            output.mkdir(parents=True, exist_ok=True)
        check_writable(output / LOCK)
        try:
            held.enter_context(locked(output / LOCK, busy, PATIENCE_S))
        except EngineError as error:
            if error.code != "LOCK_UNSUPPORTED":  # then two programs must not meet there, which is rare
                raise
        with writing_errors(output):
            remove_leftovers_of_killed(output)
        yield
