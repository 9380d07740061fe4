"""The progress of a run: a bar, the present step, and the remaining time."""

from __future__ import annotations

from slicer.i18n import tr as _


class ProgressDisplay:
    def __init__(self, ui) -> None:
        self._ui = ui
        self._isRunning = False
        self._lastStatus = ""

    def begin(self) -> None:
        self._isRunning = True
        self.show(0.0, _("Starting"), None)
        self._ui.progressBar.visible = self._ui.statusLabel.visible = True

    def show(self, fraction: float, message: str, secondsLeft: float | None) -> None:
        """fraction: 0 to 1. secondsLeft: None while unknown."""
        self._ui.progressBar.value = int(round(1000 * min(max(fraction, 0.0), 1.0)))
        text = message if secondsLeft is None else f"{message} · {timeLeft(secondsLeft)}"
        if text != self._ui.statusLabel.text:
            self._ui.statusLabel.text = text

    def end(self, message: str = "") -> None:
        """Hides the bar; the message, if any, stays."""
        self._isRunning = False
        self._lastStatus = message
        self._ui.progressBar.visible = False
        self.hint("")

    def hint(self, text: str) -> None:
        """Shows the text while no run is in progress; with an empty text, how the last run ended."""
        if not self._isRunning:
            self._ui.statusLabel.text = text or self._lastStatus
            self._ui.statusLabel.visible = bool(text or self._lastStatus)


def timeLeft(seconds: float) -> str:
    if seconds < 1:
        return _("almost finished")
    if seconds < 90:
        return _("about {seconds} s left").format(seconds=int(round(seconds)))
    return _("about {minutes} min left").format(minutes=int(round(seconds / 60)))
