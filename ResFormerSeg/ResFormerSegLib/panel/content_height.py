"""The panel is as high as its content needs.

The scroll area of Slicer's module panel asks for the panel's height only when the panel's width or its own limits
change. Left alone, a result that comes makes charts and labels overlap, and one that goes leaves a blank panel.
"""

from __future__ import annotations

import qt

from ResFormerSegLib.event_filter import EventFilter
from ResFormerSegLib.timers import Later


class ContentHeight:
    """root: the widget of the .ui file, inside the widget that the application gave the module."""

    def __init__(self, root) -> None:
        self._panel = root.parentWidget() or root
        self._fitLater = Later(self._fit)
        kinds = (qt.QEvent.LayoutRequest, qt.QEvent.Resize, qt.QEvent.Show)
        self._events = EventFilter(dict.fromkeys(kinds, self._onEvent))
        for widget in (self._panel, root, *_withLayout(root)):
            self._events.watch(widget)
        self._fitLater.start()

    def cleanup(self) -> None:
        self._events.cleanup()
        self._fitLater.cleanup()

    def _onEvent(self, event) -> None:
        self._fitLater.start()

    def _fit(self) -> None:
        layout = self._panel.layout()
        height = layout.heightForWidth(self._panel.width) if layout.hasHeightForWidth() else -1
        if height >= 0 and height != self._panel.minimumHeight:
            self._panel.setMinimumHeight(height)


def _withLayout(root) -> list:
    """All widgets below that arrange others: an event that one of them gets need not reach those above it."""
    found, waiting = [], [root.layout()]
    while waiting:
        layout = waiting.pop()
        for index in range(layout.count()):
            item = layout.itemAt(index)
            widget = item.widget()
            inner = item.layout() if widget is None else widget.layout()
            if inner is not None:
                waiting.append(inner)
                if widget is not None:
                    found.append(widget)
    return found
