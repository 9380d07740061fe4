"""A place for one message between two threads: whoever takes it gets the newest, and older ones are dropped."""

from __future__ import annotations

import threading


class Latest:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._message: dict | None = None
        self._is_woken = False
        self.dropped = 0  # messages that a newer one replaced before they were taken

    def put(self, message: dict) -> None:
        with self._changed:
            self.dropped += self._message is not None
            self._message = message
            self._changed.notify()

    def wake(self) -> None:
        """Ends the wait of :meth:`take`, so that it is noticed at once that nothing more is to be done."""
        with self._changed:
            self._is_woken = True
            self._changed.notify()

    def take(self, seconds: float) -> dict | None:
        """The newest message, waiting so long for one; ``None`` if none came."""
        with self._changed:
            self._changed.wait_for(lambda: self._message is not None or self._is_woken, seconds)
            message, self._message, self._is_woken = self._message, None, False
            return message
