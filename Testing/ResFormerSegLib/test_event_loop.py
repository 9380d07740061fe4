"""Calls from the event loop: each once, in their order, and none that was cancelled."""

import pytest


@pytest.fixture
def called():
    return []


def test_calls_come_once_in_their_order_and_may_ask_for_others(bed, module, called):
    from ResFormerSegLib.event_loop import callLater
    from slicer_bed.watch import waitFor

    def first() -> None:
        called.append("first")
        callLater(lambda: called.append("third"))

    due = callLater(first)
    callLater(lambda: called.append("second"))
    callLater(lambda: called.append("last"), 30)
    assert due.isPending and not called
    waitFor(lambda: "last" in called)
    assert called == ["first", "second", "third", "last"] and not due.isPending


def test_a_cancelled_call_does_not_come_and_leaves_the_others_alone(bed, module, called):
    from ResFormerSegLib.event_loop import callLater
    from slicer_bed.watch import waitFor

    cancelled = callLater(lambda: called.append("cancelled"))
    cancelled.cancel()
    callLater(lambda: called.append("other"), 10)
    cancelled.cancel()  # whose timer is now another call's
    waitFor(lambda: called)
    assert called == ["other"] and not cancelled.isPending


def test_a_call_that_raises_is_over(scene, module, called):
    from ResFormerSegLib.event_loop import callLater
    from slicer_bed.pythonqt.signals import slotErrors
    from slicer_bed.watch import waitFor

    callLater(lambda: 1 / 0)
    callLater(lambda: called.append(1), 10)
    waitFor(lambda: called)
    assert [type(error) for error in slotErrors] == [ZeroDivisionError]
    slotErrors.clear()


def test_a_wait_ends_with_the_work_however_soon_and_with_an_error_of_the_function_that_is_polled(bed, module, called):
    from ResFormerSegLib.event_loop import callLater, waitInEventLoop

    assert waitInEventLoop(lambda end: end(result=1)) == {"result": 1}
    assert waitInEventLoop(lambda end: callLater(lambda: end(result=2), 20), lambda: called.append(1), 1)["result"] == 2
    assert called

    def poll() -> None:
        raise KeyError("mine")

    assert isinstance(waitInEventLoop(lambda end: None, poll, 1)["error"], KeyError)
