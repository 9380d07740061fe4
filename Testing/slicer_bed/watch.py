"""Collects what the application would only print, so that a test can fail on it, and measures blocked event loops."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import vtk

from slicer_bed.pythonqt import QtCore, QtWidgets
from slicer_bed.pythonqt.signals import slotErrors

# In warnings: a file of colours, and that of a cache folder.
WHAT_THE_WHEEL_LACKS = ("vtkMRMLColorTableNodeFileGenericColors.txt can't be found", "sentinel file .slicer-cache")


@contextmanager
def watch(bed) -> Iterator[list[str]]:
    """While it is open, all that would appear in the application's log as an error or a warning goes into its list.

    Errors and warnings of VTK, exceptions in observers, slots, threads and destructors, Qt's messages, and what is
    logged as an error, with or without a traceback. VTK hands an observer's exception to `sys.excepthook` and goes on;
    Qt goes on after one in a slot. What slots and Qt had to say is in the list when the watch is closed.
    """
    problems: list[str] = []
    slotErrors.clear()
    bed.qtMessages.clear()

    @vtk.calldata_type(vtk.VTK_STRING)
    def onError(caller, event, message) -> None:
        problems.append(f"VTK error: {message.strip()}")

    @vtk.calldata_type(vtk.VTK_STRING)
    def onWarning(caller, event, message) -> None:
        if not any(words in message for words in WHAT_THE_WHEEL_LACKS):
            problems.append(f"VTK warning: {message.strip()}")

    def onException(kind, value, traceback) -> None:
        problems.append(f"exception in an observer: {kind.__name__}: {value}")

    def onUnraisable(event) -> None:
        problems.append(f"exception in a destructor: {event.exc_type.__name__}: {event.exc_value}")

    def onThreadException(event) -> None:
        problems.append(f"exception in a thread: {event.exc_type.__name__}: {event.exc_value}")

    previousWindow = vtk.vtkOutputWindow.GetInstance()
    previousHooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    window = vtk.vtkOutputWindow()
    window.SetDisplayModeToNever()
    window.AddObserver("ErrorEvent", onError)
    window.AddObserver("WarningEvent", onWarning)
    vtk.vtkOutputWindow.SetInstance(window)
    sys.excepthook, sys.unraisablehook, threading.excepthook = onException, onUnraisable, onThreadException
    handler = _LoggedErrors(problems)
    logging.getLogger().addHandler(handler)
    try:
        yield problems
    finally:
        logging.getLogger().removeHandler(handler)
        vtk.vtkOutputWindow.SetInstance(previousWindow)
        sys.excepthook, sys.unraisablehook, threading.excepthook = previousHooks
        problems.extend(f"exception in a slot: {type(error).__name__}: {error}" for error in slotErrors)
        problems.extend(f"Qt message: {message}" for message in bed.qtMessages)
        slotErrors.clear()
        bed.qtMessages.clear()


LOGGED = "logged error: "


class _LoggedErrors(logging.Handler):
    def __init__(self, problems: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        reason = f" ({record.exc_info[0].__name__}: {record.exc_info[1]})" if record.exc_info else ""
        self._problems.append(f"{LOGGED}{record.getMessage()}{reason}")


def waitFor(predicate, timeout: float = 10.0, what: str = "") -> None:
    """Lets Qt work until `predicate()` is true; raises AssertionError after `timeout` seconds.

    A local event loop, not a busy one: what the panel waits for with signals and timers gets its turn as in the
    application.
    """
    if predicate():
        return
    loop, timer = QtCore.QEventLoop(), QtCore.QTimer()
    deadline = time.monotonic() + timeout

    def look() -> None:
        if predicate() or time.monotonic() > deadline:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(5)
    loop.exec_()
    timer.stop()
    assert predicate(), f"{what or predicate} did not come true within {timeout:g} s"


class LongestBlock:
    """How long the event loop was kept from its work, at most: the longest gap between two ticks of a fast timer.

    `processorSeconds` is the time that the process itself worked in such a gap, however busy the computer is.

    >>> with LongestBlock() as block:
    ...     widget.ui.applyButton.click()
    ...     waitFor(lambda: finished)
    >>> assert block.seconds < 0.1
    """

    interval = 0.005

    def __init__(self) -> None:
        self.seconds = self.processorSeconds = 0.0

    def __enter__(self):
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.PreciseTimer)
        self._timer.timeout.connect(self._onTick)
        self._last, self._lastWork = time.monotonic(), time.process_time()
        self._timer.start(round(self.interval * 1000))
        return self

    def _onTick(self) -> None:
        now, work = time.monotonic(), time.process_time()
        self.seconds = max(self.seconds, now - self._last - self.interval)
        self.processorSeconds = max(self.processorSeconds, work - self._lastWork)
        self._last, self._lastWork = now, work

    def __exit__(self, *exception) -> None:
        QtWidgets.QApplication.processEvents()
        self._onTick()
        self._timer.stop()
