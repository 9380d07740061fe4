"""Qt events of widgets that have no signal for them."""

from __future__ import annotations

from collections.abc import Callable

import qt


class EventFilter(qt.QWidget):
    """Calls an action for events of some types, before the widget gets them.

    actions: by type of event; each is called with the event, and returns True to keep it from the widget.

    >>> events = EventFilter({qt.QEvent.PaletteChange: onStyle})
    >>> events.watch(widget)
    >>> events.cleanup()
    """

    def __init__(self, actions: dict[object, Callable[[object], bool | None]]) -> None:
        qt.QWidget.__init__(self)
        self._actions = list(actions.items())
        self._watched: list = []

    def watch(self, widget) -> None:
        widget.installEventFilter(self)
        self._watched.append(widget)

    def cleanup(self) -> None:
        for widget in self._watched:
            widget.removeEventFilter(self)
        self._watched, self._actions = [], []
        self.deleteLater()

    def eventFilter(self, watched, event) -> bool:
        kind = event.type()
        for wanted, action in self._actions:
            if kind == wanted:
                return bool(action(event))
        return False
