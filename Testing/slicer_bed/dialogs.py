"""Modal dialogs without a user: a test says beforehand what the user will answer.

>>> with answering(bed, qt.QMessageBox.Yes, "/a/folder") as seen:
...     click(widget.ui.applyButton)
>>> assert "Replace" in seen[0]

Outside of it the application is under `--testing`, where `slicer.util.confirm...` answer by themselves. A dialog that
is not expected is cancelled and counts as an exception in a slot.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from slicer_bed.pythonqt import QtCore, QtWidgets
from slicer_bed.pythonqt.signals import slotErrors

_answers: list = []
_seen: list[str] = []


@contextmanager
def answering(bed, *answers) -> Iterator[list[str]]:
    """The answers of a user, in order: a button for a message box, a path for a file dialog.

    Gives the texts of the dialogs. Raises AssertionError if not all answers were needed.
    """
    _answers[:], _seen[:] = answers, []
    bed.app._testing = False
    try:
        yield _seen
        assert not _answers, f"the dialogs for {_answers} did not appear"
    finally:
        bed.app._testing = True
        _answers.clear()


def install() -> None:
    """From now on no dialog waits for a user."""
    QtWidgets.QMessageBox.exec = lambda box: _answer(box.text, QtWidgets.QMessageBox.Cancel)
    for name in ("question", "information", "warning", "critical"):
        setattr(QtWidgets.QMessageBox, name, staticmethod(_askStatically))
    for name in ("getExistingDirectory", "getOpenFileName", "getSaveFileName"):
        setattr(QtWidgets.QFileDialog, name, staticmethod(_askForPath))
    QtWidgets.QDialog.exec = _runDialog


def _answer(text: str, otherwise):
    _seen.append(text)
    if not _answers:
        slotErrors.append(AssertionError(f"an unexpected dialog appeared: {text}"))
        return otherwise
    return _answers.pop(0)


def _askStatically(parent, title: str, text: str, *buttons):
    return _answer(text, QtWidgets.QMessageBox.Cancel)


def _askForPath(parent=None, caption: str = "", *rest) -> str:
    """As in PythonQt, the path alone, without the filter; empty when the user cancels."""
    return _answer(caption, "")


def _runDialog(dialog) -> int:
    """Any other dialog is shown until the event loop was idle once; a callable answer gets it meanwhile."""
    dialog.show()
    QtCore.QCoreApplication.processEvents()
    if _answers and callable(_answers[0]):
        _seen.append(dialog.windowTitle)
        _answers.pop(0)(dialog)
    dialog.close()
    return dialog.result()
