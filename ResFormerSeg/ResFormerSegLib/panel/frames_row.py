"""The row that asks whether the frame that is shown or all frames of a sequence are to be run."""

from __future__ import annotations

from collections.abc import Callable

from slicer.i18n import tr as _

from ResFormerSegLib.scene.sequences import VolumeSequence, sequenceOf

THIS, ALL = "this", "all"


class FramesRow:
    """Visible only for a volume that is shown from a sequence. onChanged: called when the user chose."""

    def __init__(self, ui, onChanged: Callable[[], None]) -> None:
        self._widgets = (ui.framesLabel, ui.framesSelector)
        self._selector = ui.framesSelector
        self._onChanged = onChanged
        self._parameterNode = None
        self._source: VolumeSequence | None = None
        self._selector.connect("currentIndexChanged(int)", self._onChosen)

    def setParameterNode(self, parameterNode) -> None:
        self._parameterNode = parameterNode
        self._source = None

    def update(self, volumeNode) -> None:
        self._source = sequenceOf(volumeNode)
        for widget in self._widgets:
            widget.visible = self._source is not None
        if self._source is None or self._parameterNode is None:
            return
        wasBlocked = self._selector.blockSignals(True)
        self._selector.clear()
        self._selector.addItem(_("This frame"), THIS)
        self._selector.addItem(_("All frames ({count})").format(count=self._source.count), ALL)
        self._selector.setCurrentIndex(max(0, self._selector.findData(self._parameterNode.frames)))
        self._selector.blockSignals(wasBlocked)

    @property
    def areAll(self) -> bool:
        """Whether the next run takes all frames."""
        return self._source is not None and self._parameterNode is not None and self._parameterNode.frames == ALL

    def whyNot(self) -> str:
        """Why all frames cannot be run with the other choices; empty when they can."""
        if self.areAll and self._parameterNode.probabilityMaps:
            return _("There are no probability maps of all frames. Switch them off under Advanced, or run this frame.")
        return ""

    def cleanup(self) -> None:
        self._selector.disconnect("currentIndexChanged(int)", self._onChosen)
        self._parameterNode = None

    def _onChosen(self, index: int) -> None:
        if self._parameterNode is not None and index >= 0:
            self._parameterNode.frames = str(self._selector.itemData(index))
            self._onChanged()
