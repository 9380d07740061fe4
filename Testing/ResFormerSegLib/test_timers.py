"""Calls from the event loop that are put off, and events that widgets have no signal for."""

import gc
import weakref


def test_many_starts_are_one_call_and_a_stopped_one_does_not_come(scene, waitFor):
    from ResFormerSegLib.timers import Later

    calls, other = [], []
    later, stopped = Later(lambda: calls.append(1)), Later(lambda: other.append(1))
    for _ in range(3):
        later.start()
    stopped.start()
    stopped.stop()
    assert later.isPending and not stopped.isPending
    waitFor(lambda: calls)
    assert calls == [1] and not other
    for timer in (later, stopped):
        timer.cleanup()
        timer.start()  # does nothing any more
    assert not later.isPending


def test_what_a_timer_calls_is_let_go(scene, waitFor):
    from ResFormerSegLib.timers import Later

    class Owner:
        def act(self) -> None:
            calls.append(1)

    calls, owner = [], Owner()
    later, reference = Later(owner.act), weakref.ref(owner)
    later.start()
    waitFor(lambda: calls)
    later.cleanup()
    del owner
    gc.collect()
    assert reference() is None


def test_an_event_filter_sees_its_kinds_of_events_until_it_is_cleaned_up(scene):
    import qt

    from ResFormerSegLib.event_filter import EventFilter

    widget, seen = qt.QWidget(), []
    events = EventFilter({qt.QEvent.Resize: lambda event: seen.append(event.size().width())})
    events.watch(widget)
    widget.show()
    widget.resize(123, 50)
    assert seen[-1] == 123
    events.cleanup()
    widget.resize(77, 50)
    assert seen[-1] == 123
    widget.delete()
