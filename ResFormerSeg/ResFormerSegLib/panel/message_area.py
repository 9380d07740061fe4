"""Errors and notices inside the panel: the message, a hint, and the engine's log on demand."""

from __future__ import annotations

import html

from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.timers import Later

ERROR_COLOR, NOTICE_COLOR = "#d64545", "#2f86d6"
NOTICE_MILLISECONDS = 12_000  # long enough to read three lines


class MessageArea:
    """ui: the widgets of ResFormerSeg.ui as attributes.

    A notice goes by itself, an error stays until it is dismissed.
    """

    def __init__(self, ui) -> None:
        self._ui = ui
        self._clearLater = Later(self.clear, NOTICE_MILLISECONDS)
        ui.messageDetailsButton.connect("toggled(bool)", self._fold)
        ui.messageCloseButton.connect("clicked()", self.clear)

    def showError(self, error: ResFormerSegError) -> None:
        self._clearLater.stop()
        self._show(error.message, error.hint, error.details, ERROR_COLOR)

    def showNotice(self, message: str) -> None:
        self._show(message, "", "", NOTICE_COLOR)
        self._clearLater.start()

    def clear(self) -> None:
        self._clearLater.stop()
        self._ui.messageFrame.visible = False

    def cleanup(self) -> None:
        self._clearLater.cleanup()
        self._ui.messageDetailsButton.disconnect("toggled(bool)", self._fold)
        self._ui.messageCloseButton.disconnect("clicked()", self.clear)

    def _show(self, message: str, hint: str, details: str, color: str) -> None:
        ui = self._ui
        text = f"<font color='{color}'>●</font> <b>{html.escape(message)}</b>"
        ui.messageLabel.text = f"{text}<br>{html.escape(hint)}" if hint else text
        ui.messageDetails.setPlainText(details)
        ui.messageDetailsButton.visible = bool(details)
        ui.messageDetailsButton.checked = False
        self._fold(False)
        ui.messageFrame.visible = True

    def _fold(self, shown: bool) -> None:
        self._ui.messageDetails.visible = shown
        self._ui.messageDetailsButton.text = _("Hide details") if shown else _("Show details")
