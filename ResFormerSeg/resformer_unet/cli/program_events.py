"""A command that another program runs: events as JSON lines on the standard output, until the input ends."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from resformer_unet.errors import EngineError, unexpected

PAUSED = 75  # exit code of a command whose program has closed its end of the input, or has died
NICENESS = 5  # the program that waits must stay usable

Send = Callable[..., None]  # of an event: its name and, by keyword, its content


def run_for_a_program(carry_out: Callable[[Send], dict]) -> int:
    """Send ``progress`` and ``note`` events, then the one that ``carry_out`` returns, or ``error``.

    Everything that the command writes must be written atomically: it may end at any moment.

    Args:
        carry_out: called with a function that sends an event; returns the content of the last one, with ``event``.
    """
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # what a library prints is no event
    lock = threading.Lock()

    def send(event: str, **content: object) -> None:
        with lock, suppress(BrokenPipeError):
            print(json.dumps({"event": event, **content}), file=output, flush=True)

    threading.Thread(target=_wait_for_the_end_of_input, daemon=True).start()
    with suppress(OSError, AttributeError):  # Windows has no such thing
        os.nice(NICENESS)
    send("progress", task="starting", done=0, total=1)  # before packages are imported, which takes long
    try:
        send(**carry_out(send))
        return 0
    except EngineError as error:
        failure = error
    except ModuleNotFoundError as error:
        failure = EngineError("PACKAGE_MISSING", f"The package {error.name} is not installed.", "Install it.")
    except Exception as error:
        failure = unexpected(error)
    send("error", code=failure.code, message=failure.message, hint=failure.hint)
    return 1


def _wait_for_the_end_of_input() -> None:
    # Not by sys.stdin: Python aborts at its end while a thread waits within a buffered reader.
    with suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    os._exit(PAUSED)
