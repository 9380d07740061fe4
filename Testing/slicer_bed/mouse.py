"""Acts as a user with a mouse: only what is visible and enabled can be clicked."""

import slicer
from PySide6 import QtTest

from slicer_bed.pythonqt import QtCore, QtWidgets


def clickOn(widget, position=None) -> None:
    """Presses and releases the left button in the middle of the widget, or at `position` (x, y) in it.

    Raises AssertionError if the widget is hidden, disabled or behind another one.
    """
    name = widget.objectName or type(widget).__name__
    scrollTo(widget)
    assert widget.isVisible(), f"{name} is hidden"
    assert widget.isEnabled(), f"{name} is disabled: {widget.toolTip}"
    window = widget.window()
    point = widget.mapTo(window, QtCore.QPoint(*position) if position else _sensitivePoint(widget))
    hit = window.childAt(point) or window
    assert hit is widget or widget.isAncestorOf(hit), f"{name} is behind {hit.objectName}"
    QtTest.QTest.mouseClick(hit, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, hit.mapFrom(window, point))
    slicer.app.processEvents()


def _sensitivePoint(widget):
    """The middle, or the left end of a wide check box, which answers on its text only."""
    center = widget.rect.center()
    if isinstance(widget, QtWidgets.QAbstractButton) and not widget.hitButton(center):
        return QtCore.QPoint(10, min(center.y(), 12))
    return center


def chooseIn(comboBox, text: str) -> None:
    """Opens a QComboBox or qMRMLNodeComboBox and takes the entry; AssertionError if there is none of that text."""
    box = comboBox if isinstance(comboBox, QtWidgets.QComboBox) else comboBox.findChild(QtWidgets.QComboBox)
    scrollTo(box)
    assert box.isVisible() and box.isEnabled(), f"{comboBox.objectName} cannot be used"
    row = box.findText(text)
    assert row >= 0, f"{comboBox.objectName} has no entry {text}: {[box.itemText(i) for i in range(box.count)]}"
    box.showPopup()
    slicer.app.processEvents()
    view = box.view()
    view.setCurrentIndex(view.model().index(row, 0))
    QtTest.QTest.keyClick(view, QtCore.Qt.Key_Return)  # Qt ignores clicks right after the list has opened
    slicer.app.processEvents()


def scrollTo(widget) -> None:
    """Brings the widget into sight in the scroll areas around it."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QtWidgets.QScrollArea):
            parent.ensureWidgetVisible(widget)
        parent = parent.parentWidget()
    slicer.app.processEvents()
