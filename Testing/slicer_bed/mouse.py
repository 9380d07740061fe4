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
    point = widget.mapTo(window, QtCore.QPoint(*position) if position else widget.rect.center())
    hit = window.childAt(point) or window
    assert hit is widget or widget.isAncestorOf(hit), f"{name} is behind {hit.objectName}"
    QtTest.QTest.mouseClick(hit, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier, hit.mapFrom(window, point))
    slicer.app.processEvents()


def scrollTo(widget) -> None:
    """Brings the widget into sight in the scroll areas around it."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QtWidgets.QScrollArea):
            parent.ensureWidgetVisible(widget)
        parent = parent.parentWidget()
    slicer.app.processEvents()
