"""The folding sections around a result, there only with a result, and what one does with it: edit, copy, turn views.

The diagnosis is open, everything else is folded until the user opens it.
"""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.panel.result_text import resultText
from ResFormerSegLib.scene.view_rotation import rotateViewsTo


class ResultFolders:
    """ui: the widgets of ResFormerSeg.ui as attributes."""

    def __init__(self, ui, message: MessageArea) -> None:
        self._ui = ui
        self._message = message
        self._shown: tuple | None = None  # the result, its volume, and the names of its classes
        self._editedRows: list[dict] | None = None
        self._folders = (
            ui.diagnosisCollapsibleButton,
            ui.sliceChartCollapsibleButton,
            ui.explainCollapsibleButton,
            ui.comparisonCollapsibleButton,
        )
        ui.copyResultButton.connect("clicked()", self.copyAsText)
        self.clear()

    def show(self, result, volumeNode, classNames: dict[str, str]) -> None:
        """result: a ProcessingResult. volumeNode: None if it was deleted. classNames: of the diagnosis, by id."""
        self._shown, self._editedRows = (result, volumeNode, classNames), None
        for folder in self._folders:
            folder.visible = True
        several = len(result.report["slices"]) > 1
        hasScale = any(segment.get("volume_mm3") is not None for segment in result.report["segments"])
        chart = self._ui.sliceChartCollapsibleButton
        chart.text = _("Along the volume") if several else _("Sizes")
        chart.visible = several or hasScale  # of a single picture the card says it all
        self._enableEditing(result.segmentationNode is not None)
        self._ui.copyResultButton.enabled = True

    def setEdited(self, rows: list[dict] | None) -> None:
        """rows: as of `measureSegments`, for the copied text; None when the segments are those of the run."""
        self._editedRows = rows

    def showEditOnly(self, result) -> None:
        """For a saved result that cannot be displayed."""
        self.clear()
        self._ui.diagnosisCollapsibleButton.visible = True
        self._enableEditing(result.segmentationNode is not None)

    def clear(self) -> None:
        self._shown = None
        for folder in self._folders:
            folder.visible = False
        self._enableEditing(False)
        self._ui.copyResultButton.enabled = False

    def _enableEditing(self, hasSegmentation: bool) -> None:
        button = self._ui.editButton
        button.enabled = hasSegmentation
        if hasSegmentation:
            button.toolTip = _("Opens the segmentation in the Segment Editor for manual correction")
        else:
            button.toolTip = _("This result has no segmentation in the scene.")

    def turnViews(self, volumeNode) -> None:
        """To the planes of an oblique volume: elsewhere no view shows one slice of it, and the chart has no marker."""
        if rotateViewsTo(volumeNode):
            text = _(
                "“{name}” is oblique: the slice views were turned to its slices, so that they show what is analysed."
            )
            self._message.showNotice(text.format(name=volumeNode.GetName()))

    def copyAsText(self) -> None:
        if self._shown is not None:
            slicer.app.clipboard().setText(resultText(*self._shown, self._editedRows))
            self._message.showNotice(_("The result was copied to the clipboard."))

    def cleanup(self) -> None:
        self._shown = None
        self._ui.copyResultButton.disconnect("clicked()", self.copyAsText)
