"""Runs a task: returns the job at once, or waits for the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from resformer_unet.errors import shown
from ResFormerSegLib.engine.keeper import EngineKeeper
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import waitInEventLoop
from ResFormerSegLib.runs.job import Job
from ResFormerSegLib.runs.task import Task

POLL_MILLISECONDS = 30  # how often `isCancelled` is called


def runTask(
    keeper: EngineKeeper,
    task: Task,
    *,
    wait: bool = True,
    progress: Callable[[float, str], None] | None = None,
    isCancelled: Callable[[], bool] | None = None,
    onProgress: Callable[[float, str, float | None], None] | None = None,
    onFinished: Callable[[Any], None] | None = None,
    onFailed: Callable[[Exception], None] | None = None,
) -> Any:
    """Returns the task's result with `wait`, else the running job.

    progress: called with the fraction done, 0 to 1, and a sentence. isCancelled: polled while
    waiting; True stops the run. The others: see `Job`; with `wait` only onProgress of them is used.

    Raises ResFormerSegError: NOT_A_FUNCTION; ENGINE_BUSY, also for a wait within a function that a run calls while it
    is in progress, and which it waits for.
    """
    _checkCallable(
        progress=progress, isCancelled=isCancelled, onProgress=onProgress, onFinished=onFinished, onFailed=onFailed
    )
    if wait and keeper.isCallingBack:
        raise ResFormerSegError(
            "ENGINE_BUSY",
            _("A function that a run calls, such as progress, cannot wait for another run."),
            _("Call it with wait=False, or once the run is over."),
        )
    job = Job(keeper, task)
    if progress is not None:
        job.onProgress = lambda fraction, message, secondsLeft: progress(fraction, message)
    if onProgress is not None:
        job.onProgress = onProgress
    if wait:
        return _waitFor(job, isCancelled)
    if onFinished is not None:
        job.onFinished = onFinished
    if onFailed is not None:
        job.onFailed = onFailed
    job.start()
    return job


def _waitFor(job: Job, isCancelled: Callable[[], bool] | None) -> Any:
    """Starts the job and returns its result; the application stays responsive meanwhile.

    Raises what the job failed with.
    """
    keeper, outcome = job.keeper, {}

    def begin(end: Callable[..., None]) -> None:
        job.onFinished = lambda result: end(result=result)
        job.onFailed = lambda error: end(error=error)
        job.start()

    def poll() -> None:
        with keeper.callingBack():
            isToStop = isCancelled()
        if isToStop:
            job.cancel()

    try:
        outcome = waitInEventLoop(begin, poll if isCancelled is not None else None, POLL_MILLISECONDS)
        if not outcome:  # the application quits, which ends all event loops
            raise ResFormerSegError("ENGINE_CLOSED", _("The run was stopped because the application is closing."))
        if "error" in outcome:
            raise outcome["error"]
        return outcome["result"]
    except BaseException as error:  # of the keyboard, perhaps, in the midst of the wait
        job.abort(error)
        raise
    finally:
        outcome.clear()  # else the error and its traceback would refer to each other


def _checkCallable(**functions: Callable | None) -> None:
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise ResFormerSegError(
                "NOT_A_FUNCTION",
                _("{name} must be a function, but is {value}.").format(name=name, value=shown(function)),
                _("Give a function, or leave it out."),
            )
