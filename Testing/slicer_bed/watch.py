"""Collects what VTK would only print, errors and exceptions in observers, so that a test can fail on them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import vtk


@contextmanager
def watchVtk() -> Iterator[list[str]]:
    """While it is open, errors are appended to the list it gives.

    VTK hands an observer's exception to `sys.excepthook` and goes on.
    """
    problems: list[str] = []

    @vtk.calldata_type(vtk.VTK_STRING)
    def onError(caller, event, message) -> None:
        problems.append(f"VTK error: {message.strip()}")

    def onException(kind, value, traceback) -> None:
        problems.append(f"exception in an observer: {kind.__name__}: {value}")

    previousWindow, previousHook = vtk.vtkOutputWindow.GetInstance(), sys.excepthook
    window = vtk.vtkOutputWindow()
    window.SetDisplayModeToNever()
    window.AddObserver("ErrorEvent", onError)
    vtk.vtkOutputWindow.SetInstance(window)
    sys.excepthook = onException
    try:
        yield problems
    finally:
        vtk.vtkOutputWindow.SetInstance(previousWindow)
        sys.excepthook = previousHook
