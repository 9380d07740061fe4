"""Functions that a script gives to a run may do anything: the run ends once, with one of two calls."""

import sys
import threading

import pytest
import slicer

from helpers.scene_helpers import later, makeVolume, sceneState


@pytest.fixture
def shownExceptions(monkeypatch):
    """What was shown as an exception without a caller; the fixture `scene` would fail on it."""
    shown = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: shown.append(error))
    return shown


@pytest.fixture
def ends():
    """The calls of `onFinished` and `onFailed`."""
    return []


def waitForEnd(ends: list) -> None:
    from slicer_bed.watch import waitFor

    waitFor(lambda: ends, timeout=20)


def raising(ends: list, error: BaseException):
    def callback(outcome) -> None:
        ends.append(outcome)
        raise error

    return callback


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt()], ids=repr)
def test_an_exception_at_the_good_end_is_shown_and_is_no_bad_end(scene, logicWith, ends, shownExceptions, error):
    logic = logicWith("exclusive")
    logic.process(makeVolume(), wait=False, onFinished=raising(ends, error), onFailed=ends.append)
    waitForEnd(ends)
    assert len(ends) == 1 and ends[0].diagnosis == "glioma" and shownExceptions == [error]
    assert logic.process(makeVolume()).diagnosis == "glioma"


def test_an_exception_at_the_bad_end_is_shown_and_the_next_run_begins(scene, logicWith, ends, shownExceptions):
    logic = logicWith("error")
    logic.process(makeVolume(), wait=False, onFinished=ends.append, onFailed=raising(ends, ZeroDivisionError()))
    waitForEnd(ends)
    assert [end.code for end in ends] == ["CONSTANT_IMAGE"] and len(shownExceptions) == 1
    assert not logic.isBusy


def test_a_listener_that_raises_is_shown_and_stops_no_run(scene, logicWith, ends, shownExceptions):
    """A label that it writes to may have been destroyed in mid-run."""
    logic = logicWith("exclusive")
    heard = []
    logic.watch(lambda: 1 / 0)
    logic.watch(lambda: heard.append(logic.isBusy))
    logic.process(makeVolume(), wait=False, onFinished=ends.append, onFailed=ends.append)
    waitForEnd(ends)
    assert ends[0].diagnosis == "glioma" and logic.process(makeVolume()).diagnosis == "glioma"
    assert heard == [True, False] * 2 and {type(error) for error in shownExceptions} == {ZeroDivisionError}


@pytest.mark.parametrize("wait", [True, False], ids=["with waiting", "without waiting"])
@pytest.mark.parametrize("atFraction", [0, 0.1], ids=["at the start", "while the engine works"])
def test_an_interruption_from_the_keyboard_ends_the_run(scene, logicWith, ends, wait, atFraction):
    interrupt = KeyboardInterrupt()

    def interrupted(fraction: float, message: str) -> None:
        if fraction >= atFraction:
            raise interrupt

    logic, volume = logicWith("slow"), makeVolume()
    before = sceneState()
    if wait:
        with pytest.raises(KeyboardInterrupt):
            logic.process(volume, progress=interrupted)
    else:
        logic.process(volume, wait=False, progress=interrupted, onFinished=ends.append, onFailed=ends.append)
        waitForEnd(ends)
        assert ends == [interrupt]
    assert sceneState() == before and not logic.isBusy


@pytest.mark.parametrize("of", ["progress", "isCancelled"])
def test_a_wait_within_a_function_of_a_run_is_refused_at_once(scene, logicWith, of):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = logicWith("paced")
    refusals = []

    def tryToWait(*news) -> bool:
        for call in (logic.devices, lambda: logic.process(makeVolume())):
            with pytest.raises(ResFormerSegError) as caught:
                call()
            refusals.append(caught.value.code)
        return False

    assert logic.process(makeVolume(), **{of: tryToWait}).diagnosis == "glioma"
    assert set(refusals) == {"ENGINE_BUSY"}
    assert logic.devices()["devices"]


@pytest.mark.parametrize("way", ["cleanup", "cancel", "close the scene", "process events"])
def test_a_progress_function_may_end_the_run_or_let_it_go_on(scene, logicWith, ends, way):
    logic = logicWith("exclusive")
    acts = {
        "cleanup": logic.cleanup,
        "cancel": lambda: job.cancel(),
        "close the scene": lambda: scene.Clear(False),
        "process events": lambda: slicer.app.processEvents(),
    }
    volume = makeVolume()
    job = logic.process(
        volume, wait=False, progress=lambda *news: acts[way](), onFinished=ends.append, onFailed=ends.append
    )
    waitForEnd(ends)
    slicer.app.processEvents()
    codes = {"cleanup": "ENGINE_CLOSED", "cancel": "CANCELLED", "close the scene": "INPUT_REMOVED"}
    assert [getattr(end, "code", None) for end in ends] == [codes.get(way)]
    assert job.isOver and not logic.isBusy


def test_a_run_that_is_stopped_by_an_observer_in_the_midst_of_the_import_ends_whole(scene, logicWith, ends):
    """Another extension may react to the new node in any way."""
    logic = logicWith("exclusive")
    job = logic.process(makeVolume(), wait=False, onFinished=ends.append, onFailed=ends.append)
    tag = scene.AddObserver(scene.NodeAddedEvent, lambda *arguments: job.cancel())
    waitForEnd(ends)
    scene.RemoveObserver(tag)
    (end,) = ends
    assert end.segmentationNode.GetSegmentation().GetNumberOfSegments() == 2
    assert not logic.isBusy


def test_calls_on_another_thread_are_refused_at_once(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    logic, volume, errors = logicWith("slow"), makeVolume(), []
    job = logic.process(volume, wait=False)

    def call() -> None:
        for function in (
            lambda: logic.process(volume), lambda: logic.process(volume, wait=False), logic.devices, logic.cleanup,
            lambda: logic.explain(volume), job.cancel,
        ):  # fmt: skip
            try:
                function()
            except ResFormerSegError as error:
                errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join(10)
    assert not thread.is_alive() and [error.code for error in errors] == ["WRONG_THREAD"] * 6 and errors[0].hint
    assert not job.isOver
    later(0, job.cancel)
    from slicer_bed.watch import waitFor

    waitFor(lambda: job.isOver)


def test_what_is_no_function_is_refused(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    with pytest.raises(ResFormerSegError) as caught:
        logicWith("exclusive").process(makeVolume(), wait=False, onFinished=5)
    assert caught.value.code == "NOT_A_FUNCTION" and "onFinished" in caught.value.message
