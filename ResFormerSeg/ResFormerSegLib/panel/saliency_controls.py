"""How a saliency volume is shown over its image: threshold, opacity, show and hide, and the method it was made by."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.panel.widgets import makeButton, makeFractionSlider, makeLabel
from ResFormerSegLib.runs.explanation import explains, findSaliencyNode
from ResFormerSegLib.scene.saliency_overlay import OPACITY, THRESHOLD, SaliencyOverlay, setThreshold, styleSaliencyNode
from ResFormerSegLib.scene.shown_frame import FRAME, showsFrame


class SaliencyControls:
    """Adds its widgets to the layout. They are shown while the volume has a saliency volume, see `setVolume`."""

    def __init__(self, layout) -> None:
        self._overlay = SaliencyOverlay()
        self._volumeId: str | None = None
        self._result = None
        self._names: dict[str, str] = {}
        self._waitsForFrame = False  # whether the overlay was hidden with its frame, and comes back with it
        self.hideButton = makeButton("explainHideButton", "", _("The saliency volume stays in the scene."), self.toggle)
        self.thresholdSlider = makeFractionSlider(
            "explainThresholdSlider",
            THRESHOLD,
            _("Lower saliency values are not shown; 1 is the maximum of the image."),
            self._onThreshold,
        )
        self.opacitySlider = makeFractionSlider(
            "explainOpacitySlider", OPACITY, _("Opacity of the saliency overlay"), self._overlay.setOpacity
        )
        self.form = qt.QWidget()
        form = qt.QFormLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(_("Threshold:"), self.thresholdSlider)
        form.addRow(_("Opacity:"), self.opacitySlider)
        form.addRow(self.hideButton)
        self.method = makeLabel("explainMethod")
        for widget in (self.form, self.method):
            layout.addWidget(widget)

    def setVolume(self, volumeNode, names: dict[str, str], result=None) -> None:
        """Takes over what is shown of an earlier explanation of the result.

        names: of the diagnoses, by id; may be empty. volumeNode: None hides the overlay; the saliency volume stays in
        the scene.
        """
        self._overlay.hide()
        self._waitsForFrame = False
        self._volumeId = volumeNode.GetID() if volumeNode is not None else None
        self._names, self._result = names, result
        self.method.visible = False
        saliencyNode = self._saliencyNode()
        if saliencyNode is not None and names:
            self._describe(saliencyNode)
            display = saliencyNode.GetDisplayNode()
            if display is not None and display.GetApplyThreshold():
                self.thresholdSlider.value = display.GetLowerThreshold()
            if self._overlay.adopt(saliencyNode):
                self.opacitySlider.value = self._overlay.opacity()
        self.refresh()

    def show(self, saliencyNode, volumeNode) -> None:
        label = saliencyNode.GetAttribute("ResFormerSeg.SaliencyDiagnosis") or ""
        styleSaliencyNode(saliencyNode, volumeNode, self._names.get(label, label))
        setThreshold(saliencyNode, self.thresholdSlider.value)
        self._overlay.show(saliencyNode, volumeNode, self.opacitySlider.value)
        self._describe(saliencyNode)
        self.refresh()

    def followFrame(self) -> None:
        """The saliency of one frame of a sequence does not lie over another one."""
        volumeNode, saliencyNode = self._volumeNode(), self._saliencyNode()
        isOwn = saliencyNode is None or showsFrame(volumeNode, saliencyNode.GetAttribute(FRAME)) is not False
        self.hideButton.enabled = isOwn
        if isOwn == self._waitsForFrame and (isOwn or self._overlay.isShown()):
            self._waitsForFrame = not isOwn  # before the views change, which calls this again
            if not isOwn:
                self._overlay.hide()
            elif saliencyNode is not None:
                self._overlay.show(saliencyNode, volumeNode, self.opacitySlider.value)
            self.refresh()

    def toggle(self) -> None:
        if self._overlay.isShown():
            self._overlay.hide()
        elif self._saliencyNode() is not None:
            self.show(self._saliencyNode(), self._volumeNode())
        self.refresh()

    def refresh(self) -> None:
        self.form.visible = bool(self._names) and self._saliencyNode() is not None
        self.hideButton.text = _("Hide") if self._overlay.isShown() else _("Show")

    def _saliencyNode(self):
        """None when there is none of this result."""
        node = findSaliencyNode(self._volumeNode())
        return node if node is not None and (self._result is None or explains(node, self._result)) else None

    def _volumeNode(self):
        """None when there is none, or when it was deleted meanwhile."""
        return slicer.mrmlScene.GetNodeByID(self._volumeId) if self._volumeId else None

    def _describe(self, saliencyNode) -> None:
        """Names the method and its source."""
        self.method.text = _(
            "Method: {method} ({citation}). The overlay shows which regions influenced the diagnosis; it does not show "
            "why, nor what is pathological."
        ).format(
            method=saliencyNode.GetAttribute("ResFormerSeg.SaliencyMethod") or "?",
            citation=(saliencyNode.GetAttribute("ResFormerSeg.SaliencyCitation") or "?").rstrip("."),
        )
        self.method.visible = True

    def _onThreshold(self, lowest: float) -> None:
        saliencyNode = self._saliencyNode()
        if saliencyNode is not None and saliencyNode.GetDisplayNode() is not None:
            setThreshold(saliencyNode, lowest)
