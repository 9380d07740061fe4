"""The programs of learning: measuring how long a training takes, training, comparing two models."""

from __future__ import annotations

import os
from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.learning.program import Program

_POLL_MILLISECONDS = 100


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
    loop, outcome = qt.QEventLoop(), {}

    def end(**given) -> None:
        outcome.update(given)
        loop.quit()

    def poll() -> None:
        if isCancelled is not None and isCancelled():
            program.stop()
            end(error=ResFormerSegError("CANCELLED", _("It was stopped; a training can be resumed.")))

    program.onFinished = lambda event: end(event=event)
    program.onFailed = lambda error: end(error=error)
    clock = qt.QTimer()
    clock.connect("timeout()", poll)
    clock.start(_POLL_MILLISECONDS)
    try:
        loop.exec_()
    finally:
        clock.stop()
        clock.disconnect("timeout()", poll)
        clock.deleteLater()
        program.stop()
    if "event" in outcome:
        return outcome["event"]
    raise outcome.get("error") or ResFormerSegError("ENGINE_CLOSED", _("The application is closing."))


def _epochs(epochs: int | None) -> list[str]:
    return [] if epochs is None else ["--epochs", str(int(epochs))]
