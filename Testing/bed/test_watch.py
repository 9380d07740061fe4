"""Whatever the application would write into its log as an error or a warning makes a test fail."""

import logging
import threading

import pytest
import slicer
import vtk


@pytest.fixture
def problemsOf(bed):
    """`problemsOf(action)`: what is noticed while it is done."""

    def collect(action) -> list[str]:
        from slicer_bed.watch import watch

        with watch(bed) as problems:
            action()
        return problems

    return collect


class Fragile:
    def __del__(self) -> None:
        raise ValueError("while it was destroyed")


def raiseIt() -> None:
    raise ValueError("nobody caught it")


def inAThread() -> None:
    thread = threading.Thread(target=raiseIt)
    thread.start()
    thread.join()


def inAnObserver() -> None:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: raiseIt())
    node.Modified()


def inASlot() -> None:
    import qt

    timer = qt.QTimer()
    timer.connect("timeout()", raiseIt)
    timer.start(0)
    slicer.app.processEvents()
    timer.stop()


def logged() -> None:
    try:
        raiseIt()
    except ValueError:
        logging.exception("A section failed")


def ofQt() -> None:
    from slicer_bed.pythonqt import QtCore

    QtCore.qWarning("Unable to find subject hierarchy item by name")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda: vtk.vtkImageReader2().Update(), "VTK error: "),
        (lambda: slicer.vtkMRMLSliceNode().SetOrientation("Askew"), "VTK "),
        (lambda: vtk.vtkOutputWindow.GetInstance().DisplayWarningText("odd"), "VTK warning: odd"),
        (inAnObserver, "exception in an observer: ValueError: nobody caught it"),
        (inASlot, "exception in a slot: ValueError: nobody caught it"),
        (inAThread, "exception in a thread: ValueError: nobody caught it"),
        (lambda: Fragile() and None, "exception in a destructor: ValueError: while it was destroyed"),
        (logged, "logged error: A section failed (ValueError: nobody caught it)"),
        (lambda: logging.error("No worker"), "logged error: No worker"),
        (ofQt, "Qt message: Unable to find subject hierarchy item"),
    ],
    ids=range(10),
)
def test_it_is_noticed(problemsOf, action, words):
    problems = problemsOf(action)
    assert any(problem.startswith(words) for problem in problems), problems


@pytest.mark.parametrize(
    "quiet", [lambda: logging.warning("a hint"), lambda: logging.info("fine"), lambda: None], ids=range(3)
)
def test_what_is_no_error_is_not(problemsOf, quiet):
    assert problemsOf(quiet) == []


def test_a_test_may_expect_what_the_module_logs(scene, loggedErrors):
    logging.error("Expected")
