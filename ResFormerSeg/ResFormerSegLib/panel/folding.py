"""Folds the inputs after a run when the diagnosis would not be in sight otherwise, as on a small screen."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.panel.timers import Later

SETTLING_MILLISECONDS = 50  # the panel takes its new height first


class InputsFolding:
    """root: the widget of the .ui file. ui: its widgets as attributes."""

    def __init__(self, root, ui) -> None:
        self._root, self._ui = root, ui
        self._title = ui.inputsCollapsibleButton.text
        self._foldLater = Later(self._fold, SETTLING_MILLISECONDS)
        self._volumeName = ""
        ui.inputsCollapsibleButton.connect("contentsCollapsed(bool)", self._onFolded)

    def makeRoom(self, volumeName: str) -> None:
        """For a result that was just shown. volumeName: of the input, for the heading of the folded section."""
        self._volumeName = volumeName
        self._foldLater.start()

    def unfold(self) -> None:
        self._foldLater.stop()
        self._ui.inputsCollapsibleButton.collapsed = False

    def cleanup(self) -> None:
        self._foldLater.cleanup()
        self._ui.inputsCollapsibleButton.disconnect("contentsCollapsed(bool)", self._onFolded)

    def _fold(self) -> None:
        area = self._scrollArea()
        if area is None:
            return
        diagnosis = self._ui.diagnosisCollapsibleButton
        end = diagnosis.mapTo(area.widget(), qt.QPoint(0, 0)).y() + diagnosis.height
        if end > area.viewport().height:
            self._ui.inputsCollapsibleButton.collapsed = True
            self._ui.advancedCollapsibleButton.collapsed = True

    def _onFolded(self, folded: bool) -> None:
        heading = _("{title}: {volume}").format(title=self._title, volume=self._volumeName)
        self._ui.inputsCollapsibleButton.text = heading if folded and self._volumeName else self._title

    def _scrollArea(self):
        """The one of the application's module panel; None where a script shows the panel elsewhere."""
        widget = self._root.parentWidget()
        while widget is not None and not isinstance(widget, qt.QScrollArea):
            widget = widget.parentWidget()
        return widget
