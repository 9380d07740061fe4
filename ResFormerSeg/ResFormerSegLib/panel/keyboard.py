"""The keyboard in the panel: Return applies, Tab follows what one sees, and a run does not move the focus about."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import qt

from ResFormerSegLib.event_filter import EventFilter

RETURN_KEYS = (qt.Qt.Key_Return, qt.Qt.Key_Enter)
# Where Return means something else, or nothing: other buttons, headings of sections, tables, texts, lines of text.
NOT_INPUTS = ("QAbstractButton", "QAbstractItemView", "QPlainTextEdit", "QLineEdit", "QLabel")


class RunKeys:
    """root: the widget of the .ui file. ui: its widgets as attributes. apply: called when Return is pressed."""

    def __init__(self, root, ui, apply: Callable[[], None]) -> None:
        self._root, self._ui, self._apply = root, ui, apply
        self._owesFocus = False  # the focus was on Apply or Cancel when both were disabled
        self._events = EventFilter({qt.QEvent.KeyPress: self._onKey})
        self._events.watch(root)  # gets the keys that no widget in it had a use for

    def enable(self, canApply: bool, canCancel: bool) -> None:
        """Enables and disables both buttons; the focus stays on one of them if it was there.

        Qt gives the focus of a widget that is disabled to the next one, and the panel scrolls there.
        """
        apply, cancel = self._ui.applyButton, self._ui.cancelButton
        focused = self._root.window().focusWidget()
        isHere = focused in (apply, cancel) or self._owesFocus and focused is None
        if canApply:
            apply.enabled = True
        if canCancel:
            cancel.enabled = True
        if isHere:
            self._owesFocus = not (canApply or canCancel)
            if canApply:
                apply.setFocus()
            elif canCancel:
                cancel.setFocus()
            elif focused is not None:
                focused.clearFocus()
        elif focused is not None:
            self._owesFocus = False
        apply.enabled, cancel.enabled = canApply, canCancel

    def cleanup(self) -> None:
        self._events.cleanup()
        self._apply = None

    def _onKey(self, event) -> bool:
        focused = self._root.window().focusWidget()
        if event.key() not in RETURN_KEYS or focused is None:
            return False
        # PythonQt's classes are not derived from each other: isinstance knows a widget's own class only.
        if any(focused.inherits(name) for name in NOT_INPUTS):
            return False
        if not self._ui.applyButton.enabled:
            return False
        self._apply()
        return True


def followLayout(root) -> None:
    """Tab goes through the widgets as they are arranged: those made after the others would come last."""
    chain = [widget for widget in _arranged(root) if widget.focusPolicy & qt.Qt.TabFocus]
    for earlier, later in pairwise(chain):
        qt.QWidget.setTabOrder(earlier, later)


def _arranged(widget):
    """All widgets below `widget`, in the order of the layouts."""
    layout = widget.layout()
    yield from _arrangedIn(layout) if layout is not None else ()


def _arrangedIn(layout):
    for index in range(layout.count()):
        item = layout.itemAt(index)
        widget = item.widget()
        if widget is not None:
            yield widget
            yield from _arranged(widget)
        elif item.layout() is not None:
            yield from _arrangedIn(item.layout())
