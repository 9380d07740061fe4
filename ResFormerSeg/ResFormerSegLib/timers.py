"""A timer that lets go of what it calls; `QTimer.singleShot` keeps its callable as long as the application lives."""

from __future__ import annotations

from collections.abc import Callable

import qt


class Later:
    """A call that can be put off and repeated: `action` comes once, `milliseconds` after the last `start`.

    >>> later = Later(self.update)
    >>> later.start()       # any number of times: one call
    >>> later.cleanup()
    """

    def __init__(self, action: Callable[[], None], milliseconds: int = 0) -> None:
        self._action = action
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.connect("timeout()", action)

    def start(self) -> None:
        if self._timer is not None:
            self._timer.start()

    @property
    def isPending(self) -> bool:
        return self._timer is not None and self._timer.isActive()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    def cleanup(self) -> None:
        """Also drops the action; a later `start` does nothing."""
        if self._timer is not None:
            self._timer.stop()
            self._timer.disconnect("timeout()", self._action)
            self._timer.deleteLater()
            self._timer = self._action = None
