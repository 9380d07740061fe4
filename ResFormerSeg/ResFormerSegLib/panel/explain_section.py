"""Asks the engine what in the image speaks for a diagnosis, and shows its answer over the image."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.pytorch import isTorchInstalled
from ResFormerSegLib.panel.class_names import namesOfClasses
from ResFormerSegLib.panel.figures import percentText
from ResFormerSegLib.runs.explanation import findSaliencyNode
from ResFormerSegLib.scene.saliency_overlay import OPACITY, THRESHOLD, SaliencyOverlay, dressSaliencyNode, setThreshold
from ResFormerSegLib.scene.slice_positions import sliceOnDisplay


class ExplainSection:
    """Fills the widget it is given. logic: a ResFormerSegLogic.

    The model is that of the result that is shown, not the one chosen for the next run. referenceOf: gives for
    the model of a report what the logic calls it (a folder, if it is the user's own), or None when it is gone.
    """

    def __init__(
        self, parentWidget, logic, referenceOf: Callable[[dict], str | None] = lambda made: made["id"]
    ) -> None:
        self._logic = logic
        self._referenceOf = referenceOf
        self._overlay = SaliencyOverlay()
        self._result = None
        self._volumeId: str | None = None
        self._job = None
        self._names: dict[str, str] = {}
        self._build(parentWidget)
        self.clear()

    def showResult(self, result, volumeNode, classNames: dict[str, str] | None = None) -> None:
        """classNames: of the diagnosis, by id, where the model's description gives them."""
        self.clear()
        self._result, self._volumeId = result, volumeNode.GetID()
        self._names = namesOfClasses(result.report, classNames)
        probabilities = (result.report.get("diagnosis") or {}).get("probabilities", {})
        ranked = sorted(self._names, key=lambda label: -probabilities[label])  # the diagnosis comes first
        for label in ranked:
            text = _("{name} ({percent})").format(name=self._names[label], percent=percentText(probabilities[label]))
            self.classSelector.addItem(text, label)
        isVolume = len(result.report["slices"]) > 1
        self.sliceButton.text = _("Explain this slice") if isVolume else _("Explain")
        self.volumeButton.visible = isVolume
        saliencyNode = findSaliencyNode(volumeNode)
        if ranked and saliencyNode is not None:  # of an earlier session, or of the result before
            self._describe(saliencyNode)
            display = saliencyNode.GetDisplayNode()
            if display is not None and display.GetApplyThreshold():
                self.thresholdSlider.value = display.GetLowerThreshold()
            if self._overlay.adopt(saliencyNode):
                self.opacitySlider.value = self._overlay.opacity()
        self.refresh()

    def clear(self) -> None:
        """Ends an explanation under way and hides the overlay; the saliency volume stays in the scene."""
        self._endJob()
        self._overlay.hide()
        self._result = self._volumeId = None
        self._names = {}
        self.classSelector.clear()
        self._say("")
        self.method.visible = False
        self.refresh()

    def setActive(self, active: bool) -> None:
        """The overlay stays when the user goes to another module: he may want to look at it there."""

    def cleanup(self) -> None:
        self.clear()

    def _build(self, parentWidget) -> None:
        layout = qt.QVBoxLayout(parentWidget)
        layout.setContentsMargins(4, 2, 4, 2)
        self.intro = _wrappedLabel("explainIntro")
        self.classSelector = ctk.ctkComboBox()
        self.classSelector.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
        self.classSelector.objectName = "explainClassSelector"
        self.classSelector.toolTip = _("What speaks for this diagnosis? The most probable one comes first.")
        self.sliceButton = _button(
            "explainSliceButton", _("Explains the slice that the slice views show"), self.explainSlice
        )
        self.volumeButton = _button(
            "explainVolumeButton", _("Explains every slice that was analysed; takes longer"), self.explainVolume
        )
        self.volumeButton.text = _("Explain the whole volume")
        self.cancelButton = _button("explainCancelButton", _("Stops the explanation"), self.cancel)
        self.cancelButton.text = _("Cancel")
        self.hideButton = _button("explainHideButton", _("The saliency volume stays in the scene"), self.toggle)
        self.thresholdSlider = _slider("explainThresholdSlider", THRESHOLD, self._onThreshold)
        self.thresholdSlider.toolTip = _("Saliency below this is not shown; 1 is the strongest in the image.")
        self.opacitySlider = _slider("explainOpacitySlider", OPACITY, self._overlay.setOpacity)
        self.status = _wrappedLabel("explainStatus")
        self.method = _wrappedLabel("explainMethod")
        self.form = qt.QWidget()
        form = qt.QFormLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(_("Diagnosis:"), self.classSelector)
        form.addRow(_row(self.sliceButton, self.volumeButton, self.cancelButton))
        self.display = qt.QWidget()
        display = qt.QFormLayout(self.display)
        display.setContentsMargins(0, 0, 0, 0)
        display.addRow(_("Threshold:"), self.thresholdSlider)
        display.addRow(_("Opacity:"), self.opacitySlider)
        display.addRow(self.hideButton)
        for widget in (self.intro, self.form, self.status, self.display, self.method):
            layout.addWidget(widget)

    # --- an explanation

    def explainSlice(self) -> None:
        volumeNode = self._volumeNode()
        if volumeNode is None:
            return
        index = sliceOnDisplay(volumeNode, self._result.report["slice_axis"]["array_axis"])
        if index is None:
            self._say(_("No slice view shows a slice that was analysed. Move one to the image, then try again."))
        else:
            self._explain([index, index])

    def explainVolume(self) -> None:
        rows = self._result.report["slices"]
        self._explain([rows[0]["index"], rows[-1]["index"]])

    def cancel(self) -> None:
        if self._job is not None:
            self.cancelButton.enabled = False
            self._job.cancel()

    def _explain(self, slices: list[int]) -> None:
        volumeNode = self._volumeNode()
        if volumeNode is None or self._job is not None:
            return
        made = self._result.report["model"]
        reference = self._referenceOf(made)
        if reference is None:
            message = _("The model that made this result ({id}, version {version}) is not there any more.")
            self._say(message.format(id=made["id"], version=made["version"]))
            return
        self._say(_("Starting"))
        try:
            self._job = self._logic.explain(
                volumeNode,
                modelId=reference,
                device="auto",
                diagnosis=self.classSelector.currentData,
                sliceAxis=f"axis{self._result.report['slice_axis']['array_axis']}",  # the slices of the result
                slices=slices,
                wait=False,
                onProgress=self._onProgress,
                onFinished=self._onFinished,
                onFailed=self._onFailed,
            )
        except ResFormerSegError as error:
            self._onFailed(error)
        self.refresh()

    def _onProgress(self, fraction: float, message: str, secondsLeft: float | None = None) -> None:
        self._say(_("{message} ({percent} %)").format(message=message, percent=round(100 * fraction)))

    def _onFinished(self, explanation) -> None:
        self._job = None
        self._say("")
        volumeNode = self._volumeNode()
        if volumeNode is not None:
            self._show(explanation.saliencyNode, volumeNode)
        self.refresh()

    def _onFailed(self, error: ResFormerSegError) -> None:
        self._job = None
        self._say("" if error.code == "CANCELLED" else f"{error.message} {error.hint}")
        self.refresh()

    def _endJob(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.onFinished = job.onFailed = lambda outcome: None  # nobody waits for it any more
            job.cancel()

    # --- its display

    def toggle(self) -> None:
        volumeNode = self._volumeNode()
        if self._overlay.isShown():
            self._overlay.hide()
        elif findSaliencyNode(volumeNode) is not None:
            self._show(findSaliencyNode(volumeNode), volumeNode)
        self.refresh()

    def _show(self, saliencyNode, volumeNode) -> None:
        label = saliencyNode.GetAttribute("ResFormerSeg.SaliencyDiagnosis") or ""
        dressSaliencyNode(saliencyNode, volumeNode, self._names.get(label, label))
        setThreshold(saliencyNode, self.thresholdSlider.value)
        self._overlay.show(saliencyNode, volumeNode, self.opacitySlider.value)
        self._describe(saliencyNode)

    def _describe(self, saliencyNode) -> None:
        """Names the method and its source."""
        self.method.text = _(
            "Method: {method} ({citation}). It shows where the network looked, not why, and not what is ill."
        ).format(
            method=saliencyNode.GetAttribute("ResFormerSeg.SaliencyMethod") or "?",
            citation=(saliencyNode.GetAttribute("ResFormerSeg.SaliencyCitation") or "?").rstrip("."),
        )
        self.method.visible = True

    def _onThreshold(self, lowest: float) -> None:
        volumeNode = self._volumeNode()
        saliencyNode = findSaliencyNode(volumeNode)
        if saliencyNode is not None and saliencyNode.GetDisplayNode() is not None:
            setThreshold(saliencyNode, lowest)

    def refresh(self) -> None:
        """What can be pressed now."""
        volumeNode = self._volumeNode()
        hasDiagnosis = self.classSelector.count > 0
        if self._result is None:
            self.intro.text = _("Run the model first; then see here what in the image speaks for its diagnosis.")
        elif not hasDiagnosis:
            self.intro.text = _("This model gives no diagnosis, so there is none to explain.")
        elif not isTorchInstalled():
            self.intro.text = _("Explaining needs PyTorch. Press “Install PyTorch…” below the choice of the device.")
        canExplain = hasDiagnosis and isTorchInstalled()
        self.intro.visible = not canExplain
        self.form.visible = canExplain
        running = self._job is not None
        for widget in (self.sliceButton, self.volumeButton, self.classSelector):
            widget.enabled = volumeNode is not None and not running
        self.cancelButton.visible = self.cancelButton.enabled = running
        self.display.visible = hasDiagnosis and findSaliencyNode(volumeNode) is not None
        self.hideButton.text = _("Hide") if self._overlay.isShown() else _("Show")

    def _say(self, text: str) -> None:
        self.status.text = text
        self.status.visible = bool(text)

    def _volumeNode(self):
        """None when there is no result, or when the volume was deleted meanwhile."""
        node = slicer.mrmlScene.GetNodeByID(self._volumeId) if self._volumeId else None
        return node if node is not None and node.GetImageData() is not None else None


def _wrappedLabel(name: str):
    label = qt.QLabel()
    label.objectName = name
    label.wordWrap = True
    label.textFormat = qt.Qt.PlainText  # an error may quote anything
    label.textInteractionFlags = qt.Qt.TextSelectableByMouse
    return label


def _button(name: str, toolTip: str, action):
    button = qt.QPushButton()
    button.objectName = name
    button.toolTip = toolTip
    button.autoDefault = False
    button.connect("clicked()", action)
    return button


def _slider(name: str, value: float, action):
    slider = ctk.ctkSliderWidget()
    slider.objectName = name
    slider.minimum, slider.maximum = 0.0, 1.0
    slider.decimals, slider.singleStep = 2, 0.05
    slider.value = value
    slider.connect("valueChanged(double)", action)
    return slider


def _row(*widgets):
    row = qt.QWidget()
    layout = qt.QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return row
