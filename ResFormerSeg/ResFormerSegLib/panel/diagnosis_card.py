"""The diagnosis of a result: class, probability, a bar for each class, how it was made, and the warnings."""

from __future__ import annotations

import html

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.panel.cardiac_function import cardiacFunctionText
from ResFormerSegLib.panel.diagnosis_texts import (
    WARNING_SIGN,
    calibrationText,
    ruleText,
    segmentedText,
    subjectText,
    technicalText,
    warningsOf,
)
from ResFormerSegLib.panel.probability_bars import ProbabilityBars
from ResFormerSegLib.panel.widgets import makeLabel
from ResFormerSegLib.texts import namesOfClasses, percentText


class DiagnosisCard:
    """Fills the widget it is given; shows one result at a time.

    >>> card = DiagnosisCard(self.ui.diagnosisCardFrame)
    >>> card.showResult(result, volumeNode)
    """

    def __init__(self, parentWidget) -> None:
        layout = qt.QVBoxLayout(parentWidget)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(6)
        self.headline = makeLabel("diagnosisHeadline", qt.Qt.RichText)
        self.subject = makeLabel("diagnosisSubject")
        self.otherVolumeWarning = makeLabel("diagnosisOtherVolumeWarning", qt.Qt.RichText)
        self.probability = makeLabel("diagnosisProbability")
        self.bars = ProbabilityBars("diagnosisBars")
        self.cardiacFunction = makeLabel("diagnosisCardiacFunction", qt.Qt.RichText)
        self.segmented = makeLabel("diagnosisSegmented", qt.Qt.RichText)
        self.rule = makeLabel("diagnosisRule")
        self.warnings = makeLabel("diagnosisWarnings", qt.Qt.RichText)
        self.disclaimer = makeLabel("diagnosisDisclaimer", qt.Qt.RichText)
        self.technicalButton = qt.QToolButton()
        self.technicalButton.objectName = "diagnosisTechnicalButton"
        self.technicalButton.text = _("Model and run")
        self.technicalButton.toolTip = _("Model, device and computing time of this result")
        self.technicalButton.checkable = True
        self.technicalButton.autoRaise = True
        self.technicalButton.toolButtonStyle = qt.Qt.ToolButtonTextBesideIcon
        self.technicalButton.arrowType = qt.Qt.RightArrow
        self.technicalButton.connect("toggled(bool)", self._showTechnical)
        self.technical = makeLabel("diagnosisTechnical")
        self.technical.visible = False
        for widget in (
            self.headline,
            self.subject,
            self.otherVolumeWarning,
            self.probability,
            self.bars.widget,
            self.cardiacFunction,
            self.segmented,
            self.rule,
            self.warnings,
            self.disclaimer,
            self.technicalButton,
            self.technical,
        ):
            layout.addWidget(widget)
        self.clear()

    def showResult(
        self, result, volumeNode=None, classNames: dict[str, str] | None = None, needsBothPhases: bool = False
    ) -> None:
        """result: a ProcessingResult, new or restored; a patient's diagnosis is shown in place of the image's.

        classNames: of all classes, by id. needsBothPhases: whether the model diagnoses patients from two phases.
        """
        report, patient = result.report, result.patient
        self._volumeId = volumeNode.GetID() if volumeNode is not None else ""
        self._case = volumeNode.GetName() if volumeNode is not None else report.get("case", "?")
        self.subject.text = subjectText(self._case, patient)
        self.subject.visible = True
        diagnosis = patient["diagnosis"] if patient else report.get("diagnosis")
        self._showDiagnosis(diagnosis, namesOfClasses({"diagnosis": diagnosis}, classNames))
        self.cardiacFunction.text = cardiacFunctionText(patient) if patient else ""
        self.cardiacFunction.visible = patient is not None
        self.segmented.text = segmentedText(report, ofSeveral=patient is not None)
        self.rule.text = ruleText(report, patient)
        self.rule.visible = diagnosis is not None
        self._showWarnings(warningsOf(result, needsBothPhases))
        self.disclaimer.text = "<b>" + _("Not for clinical use without expert review.") + "</b>"
        self.technical.text = technicalText(report)
        for widget in (self.segmented, self.disclaimer, self.technicalButton):
            widget.visible = True

    def setInputVolume(self, volumeNode) -> None:
        """Warns when the volume that is selected for the next run is not the one of this result."""
        isOther = self._volumeId is not None and volumeNode is not None and volumeNode.GetID() != self._volumeId
        self.otherVolumeWarning.visible = isOther
        if isOther:
            text = _("This is the result of “{case}”. Press Apply to analyse “{volume}”.").format(
                case=self._case, volume=volumeNode.GetName()
            )
            self.otherVolumeWarning.text = f"{WARNING_SIGN} <b>{html.escape(text)}</b>"

    def clear(self) -> None:
        self._volumeId: str | None = None  # of the volume whose result is shown; empty if it was deleted
        self._case = ""
        self.headline.text = "<b>" + _("No result yet") + "</b>"
        self.bars.clear()
        self.segmented.text = _("Press Apply to segment and diagnose the volume.")
        for widget in (
            self.subject,
            self.otherVolumeWarning,
            self.probability,
            self.cardiacFunction,
            self.rule,
            self.warnings,
            self.disclaimer,
            self.technicalButton,
        ):
            widget.visible = False
        self.technicalButton.checked = False

    def setActive(self, active: bool) -> None:
        """Nothing here depends on whether the module is shown."""

    def cleanup(self) -> None:
        self.technicalButton.disconnect("toggled(bool)", self._showTechnical)

    def _showTechnical(self, shown: bool) -> None:
        self.technicalButton.arrowType = qt.Qt.DownArrow if shown else qt.Qt.RightArrow
        self.technical.visible = shown

    def _showDiagnosis(self, diagnosis: dict | None, names: dict[str, str]) -> None:
        self.probability.visible = diagnosis is not None
        if diagnosis is None:
            self.bars.clear()
            self.headline.text = "<b>" + _("This model gives no diagnosis") + "</b>"
            return
        self.headline.text = f"<font size='+2'><b>{html.escape(names[diagnosis['label']])}</b></font>"
        isCalibrated = diagnosis.get("calibrated", False)
        text = _("Probability {percent}") if isCalibrated else _("Probability {percent} (not calibrated)")
        self.probability.text = text.format(percent=percentText(diagnosis["probability"]))
        self.probability.toolTip = calibrationText(isCalibrated)
        self.bars.show(diagnosis["probabilities"], names)

    def _showWarnings(self, warnings: list[dict]) -> None:
        self.warnings.visible = bool(warnings)
        self.warnings.text = "<br>".join(f"{WARNING_SIGN} {html.escape(warning['message'])}" for warning in warnings)
