"""Explains the diagnosis of a result by a saliency overlay on its image."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.pytorch import isTorchInstalled
from ResFormerSegLib.panel.saliency_controls import SaliencyControls
from ResFormerSegLib.panel.widgets import makeButton, makeLabel, makeRow
from ResFormerSegLib.scene.slice_positions import sliceOnDisplay
from ResFormerSegLib.texts import namesOfClasses, percentText, withUnbrokenUnits


class ExplainSection:
    """Fills the widget it is given. logic: a ResFormerSegLogic.

    The model is that of the result that is shown, not the one selected for the next run. referenceOf: gives the logic's
    reference (id or folder) for the model of a report, or None when that model is gone. deviceOf: gives the device.
    """

    def __init__(
        self,
        parentWidget,
        logic,
        referenceOf: Callable[[dict], str | None] = lambda model: model["id"],
        deviceOf: Callable[[], str] = lambda: "auto",
    ) -> None:
        self._logic = logic
        self._referenceOf, self._deviceOf = referenceOf, deviceOf
        self._result = None
        self._volumeId: str | None = None
        self._job = None
        self._build(parentWidget)
        self.clear()

    def showResult(self, result, volumeNode, classNames: dict[str, str] | None = None) -> None:
        """classNames: of the diagnosis, by id, where the model's description gives them."""
        self.clear()
        self._result, self._volumeId = result, volumeNode.GetID()
        # Of a patient with two images the numbers are those of the card; the model has others for each image.
        shown = result.patient or result.report
        names = namesOfClasses(shown, classNames)
        probabilities = (shown.get("diagnosis") or {}).get("probabilities", {})
        self.patientNote.visible = bool(result.patient)
        for label in sorted(names, key=lambda label: -probabilities[label]):  # the diagnosis comes first
            text = _("{name} ({percent})").format(name=names[label], percent=percentText(probabilities[label]))
            self.classSelector.addItem(text, label)
        isVolume = len(result.report["slices"]) > 1
        self.sliceButton.text = _("Explain this slice") if isVolume else _("Explain")
        self.volumeButton.visible = isVolume
        self.display.setVolume(volumeNode, names, result)
        self.refresh()

    def clear(self) -> None:
        """Stops a running explanation and hides the overlay; the saliency volume stays in the scene."""
        self._abandonJob()
        self.display.setVolume(None, {})
        self._result = self._volumeId = None
        self.classSelector.clear()
        self._setStatus("")
        self.refresh()

    def setActive(self, active: bool) -> None:
        """The overlay stays when the user switches to another module, where it may be of use."""

    def cleanup(self) -> None:
        self.clear()

    def explainSlice(self) -> None:
        volumeNode = self._volumeNode()
        if volumeNode is None:  # it was deleted meanwhile
            self.refresh()
            return
        index = sliceOnDisplay(volumeNode, self._result.report["slice_axis"]["array_axis"])
        if index is None:
            self._setStatus(_("No slice view shows an analysed slice. Scroll one to the image, then try again."))
        else:
            self._explain([index, index])

    def explainVolume(self) -> None:
        rows = self._result.report["slices"]
        self._explain([rows[0]["index"], rows[-1]["index"]])

    def cancel(self) -> None:
        if self._job is not None:
            self.cancelButton.enabled = False
            self._job.cancel()

    def refresh(self) -> None:
        """Enables what can be used now, and says why the rest cannot."""
        volumeNode = self._volumeNode()
        hasDiagnosis = self.classSelector.count > 0
        if self._result is None:
            self.intro.text = _("Run the model first to explain its diagnosis.")
        elif not hasDiagnosis:
            self.intro.text = _("This model gives no diagnosis to explain.")
        elif not isTorchInstalled():
            self.intro.text = _("Explanations need PyTorch.")
        canExplain = hasDiagnosis and isTorchInstalled()
        self.intro.visible = not canExplain
        self.form.visible = canExplain
        running = self._job is not None
        for widget in (self.sliceButton, self.volumeButton, self.classSelector):
            widget.enabled = volumeNode is not None and not running
        self.cancelButton.visible = self.cancelButton.enabled = running
        self.display.refresh()

    def _build(self, parentWidget) -> None:
        layout = qt.QVBoxLayout(parentWidget)
        layout.setContentsMargins(4, 2, 4, 2)
        self.intro = makeLabel("explainIntro")
        self.classSelector = ctk.ctkComboBox()
        self.classSelector.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
        self.classSelector.objectName = "explainClassSelector"
        self.classSelector.toolTip = _("The diagnosis to explain; the most probable one comes first.")
        self.sliceButton = makeButton(
            "explainSliceButton", "", _("Explains the slice shown in the slice views"), self.explainSlice
        )
        self.volumeButton = makeButton(
            "explainVolumeButton",
            _("Explain all slices"),
            _("Explains the whole volume; takes longer"),
            self.explainVolume,
        )
        self.cancelButton = makeButton("explainCancelButton", _("Cancel"), _("Stops the explanation"), self.cancel)
        self.form = qt.QWidget()
        form = qt.QFormLayout(self.form)
        form.setContentsMargins(0, 0, 0, 0)
        self.patientNote = makeLabel("explainPatientNote")
        self.patientNote.text = _(
            "The patient's diagnosis is made from volumes and wall thickness. The overlay shows what in this image "
            "speaks for a diagnosis."
        )
        form.addRow(_("Diagnosis:"), self.classSelector)
        form.addRow(self.patientNote)
        form.addRow(makeRow(self.sliceButton, self.volumeButton, self.cancelButton))
        self.status = makeLabel("explainStatus")
        for widget in (self.intro, self.form, self.status):
            layout.addWidget(widget)
        self.display = SaliencyControls(layout)

    def _explain(self, slices: list[int]) -> None:
        volumeNode = self._volumeNode()
        if volumeNode is None or self._job is not None:
            return
        model = self._result.report["model"]
        reference = self._referenceOf(model)
        if reference is None:
            message = _("The model of this result ({id}, version {version}) is no longer available.")
            self._setStatus(message.format(id=model["id"], version=model["version"]))
            return
        self._setStatus(_("Starting"))
        try:
            self._job = self._logic.explain(
                volumeNode,
                modelId=reference,
                device=self._deviceOf(),
                diagnosis=self.classSelector.currentData,
                sliceAxis=f"axis{self._result.report['slice_axis']['array_axis']}",  # the slices of the result
                slices=slices,
                result=self._result,
                wait=False,
                onProgress=self._onProgress,
                onFinished=self._onFinished,
                onFailed=self._onFailed,
            )
        except ResFormerSegError as error:
            self._onFailed(error)
        self.refresh()

    def _onProgress(self, fraction: float, message: str, secondsLeft: float | None = None) -> None:
        text = _("{message} ({percent} %)").format(message=message, percent=round(100 * fraction))
        self._setStatus(withUnbrokenUnits(text))

    def _onFinished(self, explanation) -> None:
        self._job = None
        self._setStatus("")
        volumeNode = self._volumeNode()
        if volumeNode is not None:
            self.display.show(explanation.saliencyNode, volumeNode)
        self.refresh()

    def _onFailed(self, error: ResFormerSegError) -> None:
        self._job = None
        self._setStatus("" if error.code == "CANCELLED" else f"{error.message} {error.hint}")
        self.refresh()

    def _abandonJob(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.onFinished = job.onFailed = lambda outcome: None  # its outcome is no longer of interest
            job.cancel()

    def _setStatus(self, text: str) -> None:
        self.status.text = text
        self.status.visible = bool(text)

    def _volumeNode(self):
        """None when there is no result, or when the volume was deleted meanwhile."""
        node = slicer.mrmlScene.GetNodeByID(self._volumeId) if self._volumeId else None
        return node if node is not None and node.GetImageData() is not None else None
