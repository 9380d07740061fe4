"""The programs of learning: measuring how long a training takes, training, comparing two models."""

from __future__ import annotations

import os
from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import waitInEventLoop
from ResFormerSegLib.learning.program import Program


def estimateProgram(folder: str | os.PathLike, model: str, epochs: int | None = None) -> Program:
    """Its last event has `seconds`, `epochs`, `steps` and `step_seconds`. model: id or folder."""
    return Program(["learn", os.fspath(folder), "--init", model, "--estimate", *_epochs(epochs)])


def trainProgram(
    folder: str | os.PathLike, model: str, output: str | os.PathLike, epochs: int | None = None, resume: bool = False
) -> Program:
    """Its last event has `folder` of the new model and `results`. To stop it is to pause: `resume` goes on."""
    more = ["--resume"] if resume else _epochs(epochs)
    return Program(["learn", os.fspath(folder), "--init", model, "--output", os.fspath(output), *more])


def compareProgram(folder: str | os.PathLike, first: str, second: str) -> Program:
    """Its last event has `comparison`, as the engine's `compare_models` gives it."""
    return Program(["compare", os.fspath(folder), "--models", first, second])


def outcomeOf(
    program: Program,
    wait: bool,
    progress: Callable[[str, int, int], None] | None = None,
    isCancelled: Callable[[], bool] | None = None,
) -> dict | Program:
    """The last event of a program, or with `wait=False` the program itself. The application stays responsive.

    Raises ResFormerSegError: what the program failed with; CANCELLED, which pauses a training.
    """
    if progress is not None:
        program.onProgress = progress
    if not wait:
        return program

    def begin(end: Callable[..., None]) -> None:
        program.onFinished = lambda event: end(event=event)
        program.onFailed = lambda error: end(error=error)

    def poll() -> None:
        if isCancelled():
            raise ResFormerSegError("CANCELLED", _("It was stopped; a training can be resumed."))

    try:
        outcome = waitInEventLoop(begin, poll if isCancelled is not None else None)
    finally:
        program.stop()
    if "event" in outcome:
        return outcome["event"]
    raise outcome.get("error") or ResFormerSegError("ENGINE_CLOSED", _("The application is closing."))


def _epochs(epochs: int | None) -> list[str]:
    return [] if epochs is None else ["--epochs", str(int(epochs))]
