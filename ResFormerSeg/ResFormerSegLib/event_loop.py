"""Calls from the application's event loop, and what belongs to the thread that it runs in."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from threading import get_ident, main_thread

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError

_pending: set[LaterCall] = set()  # a timer ends with the last reference to it
_idleTimers: list[qt.QTimer] = []  # to be used again: none is deleted from within its own signal


def callLater(function: Callable[[], None], milliseconds: int = 0) -> LaterCall:
    """Calls a function once, after that time, unless the call is cancelled before.

    In the place of `qt.QTimer.singleShot`, which in the application keeps its function, and all that this one refers
    to, for as long as the application runs.
    """
    return LaterCall(function, milliseconds)


class LaterCall:
    """A call that is due; it refers to the function until it has been called or cancelled, and no longer."""

    def __init__(self, function: Callable[[], None], milliseconds: int) -> None:
        self._function: Callable[[], None] | None = function
        self._timer = _idleTimers.pop() if _idleTimers else qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self._onTimeout)
        self._timer.start(int(milliseconds))
        _pending.add(self)

    @property
    def isPending(self) -> bool:
        return self._function is not None

    def cancel(self) -> None:
        """The function is not called any more. Does nothing once it has been called."""
        if self._function is None:
            return
        self._function = None
        self._timer.stop()
        self._timer.disconnect("timeout()", self._onTimeout)
        _idleTimers.append(self._timer)
        _pending.discard(self)

    def _onTimeout(self) -> None:
        function = self._function
        self.cancel()
        if function is not None:
            function()


def waitInEventLoop(
    begin: Callable[[Callable[..., None]], None], poll: Callable[[], None] | None = None, milliseconds: int = 50
) -> dict:
    """What ended the wait; the application stays responsive meanwhile. Empty when the application quits.

    begin: starts the work, and is given a function to be called at its end with named values. poll: called again and
    again; an exception in it ends the wait, as `error`.
    """
    loop, outcome = qt.QEventLoop(), {}

    def end(**given) -> None:
        outcome.update(given)
        loop.quit()

    def look() -> None:
        try:
            poll()
        except BaseException as error:
            end(error=error)

    clock = qt.QTimer()
    clock.connect("timeout()", look)
    try:
        begin(end)
        if poll is not None:
            clock.start(milliseconds)
        if not outcome:
            loop.exec_()
    finally:
        clock.stop()
        clock.disconnect("timeout()", look)
        clock.deleteLater()
    return outcome


def callSafely(function: Callable, *arguments) -> None:
    """Calls a function of somebody else's; an exception in it is shown as one without a caller, and goes no further."""
    try:
        function(*arguments)
    except (Exception, KeyboardInterrupt):
        sys.excepthook(*sys.exc_info())


def onApplicationThread(method):
    """For what scripts call: raises ResFormerSegError WRONG_THREAD on any thread but the application's.

    Nodes, timers and processes belong to that thread. A wait on another one would hold Python's lock: the application
    would stand still for ever.
    """

    @functools.wraps(method)
    def call(*arguments, **named):
        if get_ident() != main_thread().ident:
            raise ResFormerSegError(
                "WRONG_THREAD",
                _("ResFormerSeg was called from another thread than the application's."),
                _("Call it from the Python console or a script, with wait=False where nothing may block."),
            )
        return method(*arguments, **named)

    return call
