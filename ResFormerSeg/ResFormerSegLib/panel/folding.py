"""Folds the inputs after a run when the diagnosis would not be in sight otherwise, as on a small screen."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.timers import Later

# The panel takes its new height step by step, as the result is shown: one looks several times.
LOOK_MILLISECONDS, LOOKS = 40, 8


class InputsFolding:
    """root: the widget of the .ui file. ui: its widgets as attributes."""

    def __init__(self, root, ui) -> None:
        self._root, self._ui = root, ui
        self._title = ui.inputsCollapsibleButton.text
        self._lookLater = Later(self._look, LOOK_MILLISECONDS)
        self._looks = 0  # how often to look yet
        self._volumeName = ""
        ui.inputsCollapsibleButton.connect("contentsCollapsed(bool)", self._onFolded)

    def makeRoom(self, volumeName: str) -> None:
        """For a result that was just shown. volumeName: of the input, for the heading of the folded section."""
        self._volumeName, self._looks = volumeName, LOOKS
        self._lookLater.start()

    @property
    def isSettled(self) -> bool:
        return self._looks == 0

    def unfold(self) -> None:
        self._looks = 0
        self._lookLater.stop()
        self._ui.inputsCollapsibleButton.collapsed = False

    def cleanup(self) -> None:
        self._lookLater.cleanup()
        self._ui.inputsCollapsibleButton.disconnect("contentsCollapsed(bool)", self._onFolded)

    def _look(self) -> None:
        area, diagnosis = self._scrollArea(), self._ui.diagnosisCollapsibleButton
        if area is None or self._looks == 0:
            self._looks = 0
            return
        end = diagnosis.mapTo(area.widget(), qt.QPoint(0, 0)).y() + diagnosis.height
        if end > area.viewport().height:
            self._looks = 0
            self._ui.inputsCollapsibleButton.collapsed = True
            self._ui.advancedCollapsibleButton.collapsed = True
            return
        self._looks -= 1
        if self._looks:
            self._lookLater.start()

    def _onFolded(self, folded: bool) -> None:
        heading = _("{title}: {volume}").format(title=self._title, volume=self._volumeName)
        self._ui.inputsCollapsibleButton.text = heading if folded and self._volumeName else self._title

    def _scrollArea(self):
        """The one of the application's module panel; None where a script shows the panel elsewhere."""
        widget = self._root.parentWidget()
        while widget is not None and not widget.inherits("QScrollArea"):
            widget = widget.parentWidget()
        return widget
