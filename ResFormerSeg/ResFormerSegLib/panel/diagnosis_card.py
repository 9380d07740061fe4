"""The diagnosis of a result: whose it is, class, probability, a bar for each class, sizes, warnings.

A result that is not reliable has the reason for its headline, and its probabilities folded and grey.
"""

from __future__ import annotations

import html

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.panel.body_fields import BodyFields
from ResFormerSegLib.panel.cardiac_function import cardiacFunctionText
from ResFormerSegLib.panel.diagnosis_texts import (
    WARNING_SIGN,
    calibrationText,
    diagnosisText,
    otherVolumeText,
    segmentedText,
    subjectText,
    technicalText,
    unreliableText,
    warningsOf,
)
from ResFormerSegLib.panel.folded_part import FoldedPart
from ResFormerSegLib.panel.patient_body import PatientBody
from ResFormerSegLib.panel.probability_bars import ProbabilityBars
from ResFormerSegLib.panel.widgets import makeLabel
from ResFormerSegLib.runs.body_size import heartOf
from ResFormerSegLib.scene.shown_frame import shownFrame, showsFrame, withFrame
from ResFormerSegLib.scene.volume_names import distinctName
from ResFormerSegLib.texts import namesOfClasses, percentText, withUnbrokenUnits

# With colours of their own for text and background, so that they stand out in a light and in a dark application.
BANNER_STYLE = (
    "QLabel {{ background: {background}; color: {text}; border: 1px solid {text}; border-radius: 4px; padding: 6px; }}"
)
OTHER_VOLUME_STYLE = BANNER_STYLE.format(background="#ffe9a8", text="#5c4300")
ALERT_STYLE = BANNER_STYLE.format(background="#ffd9d6", text="#7a1410")


class DiagnosisCard:
    """Fills the widget it is given; shows one result at a time.

    body: keeps height and weight that the user enters for a heart's patient.

    >>> card = DiagnosisCard(self.ui.diagnosisCardFrame, PatientBody())
    >>> card.showResult(result, volumeNode)
    """

    def __init__(self, parentWidget, body: PatientBody) -> None:
        self._body = body
        layout = qt.QVBoxLayout(parentWidget)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(6)
        self.otherVolumeWarning = makeLabel("diagnosisOtherVolumeWarning", qt.Qt.RichText)
        self.otherVolumeWarning.styleSheet = OTHER_VOLUME_STYLE
        self.changedWarning = makeLabel("diagnosisChangedWarning")
        self.changedWarning.styleSheet = OTHER_VOLUME_STYLE
        self.subject = makeLabel("diagnosisSubject", qt.Qt.RichText)
        self.headline = makeLabel("diagnosisHeadline", qt.Qt.RichText)
        self.alerts = makeLabel("diagnosisAlerts", qt.Qt.RichText)
        self.alerts.styleSheet = ALERT_STYLE
        self.probability = makeLabel("diagnosisProbability")
        self.bars = ProbabilityBars("diagnosisBars")
        self.output = FoldedPart(
            "diagnosisOutput",
            _("Output of the model nevertheless"),
            _("What the model computed. This result should not be relied on."),
            (self.probability, self.bars.widget),
        )
        self.cardiacFunction = makeLabel("diagnosisCardiacFunction", qt.Qt.RichText)
        self.segmented = makeLabel("diagnosisSegmented", qt.Qt.RichText)
        self.edited = makeLabel("diagnosisEdited")
        self.warnings = makeLabel("diagnosisWarnings", qt.Qt.RichText)
        self.disclaimer = makeLabel("diagnosisDisclaimer", qt.Qt.RichText)
        self.technical = makeLabel("diagnosisTechnical")
        self.details = FoldedPart(
            "diagnosisTechnical",
            _("Model and run"),
            _("Rule, model, device and computing time of this result"),
            (self.technical,),
        )
        self.technicalButton = self.details.button
        for widget in (
            self.otherVolumeWarning,
            self.changedWarning,
            self.subject,
            self.headline,
            self.alerts,
            self.output.button,
            self.output.widget,
            self.cardiacFunction,
        ):
            layout.addWidget(widget)
        self.bodyFields = BodyFields(layout, "diagnosis", self._onBody)
        for widget in (
            self.segmented,
            self.edited,
            self.warnings,
            self.disclaimer,
            self.details.button,
            self.details.widget,
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
        self._result = result
        volumes = [volumeNode, result.otherVolumeNode] if patient else [volumeNode]
        self._ids = [node.GetID() if node is not None else "" for node in volumes]
        self._frames = [result.frame, result.otherFrame][: len(volumes)]
        self._showNames()
        self.changedWarning.visible = False
        diagnosis = patient["diagnosis"] if patient else report.get("diagnosis")
        warnings = warningsOf(result, needsBothPhases)
        isUncertain = any(warning["code"] == "LOW_CONFIDENCE" for warning in warnings)
        self._showDiagnosis(diagnosis, namesOfClasses({"diagnosis": diagnosis}, classNames), isUncertain)
        self.cardiacFunction.visible = patient is not None
        self.bodyFields.hide()  # what is left in them may be of another patient
        if heart := heartOf(result):
            self.bodyFields.show(heart)
        self.showSizes(report["segments"], isEdited=False)
        self._showWarnings(warnings)
        self.disclaimer.text = "<b>" + _("Not for clinical use without expert review.") + "</b>"
        self.technical.text = withUnbrokenUnits(technicalText(report, patient))
        self.details.fold()
        for widget in (self.subject, self.segmented, self.disclaimer):
            widget.visible = True

    def showSizes(self, rows: list[dict], isEdited: bool) -> None:
        """rows: of the segments, as in the report. isEdited: whether they were measured after a manual edit."""
        self.segmented.text = segmentedText(rows, self._result.report["case"] if self._result.patient else "")
        self.edited.visible = isEdited
        text = _("Edited by hand: these sizes are those of the edited segments. {others} are as before.")
        others = _("Diagnosis, chart and table")
        if self._result.patient:
            others = _("Diagnosis, cardiac function, chart and table")
        self.edited.text = text.format(others=others)

    def setInputVolume(self, volumeNode) -> None:
        """Warns when the volume that is selected for the next run is not one of this result's."""
        if self._result is None:
            return
        self._showNames()  # volumes can be renamed
        isOther = volumeNode is not None and volumeNode.GetID() not in self._ids
        if volumeNode is not None and not isOther:
            isOther = showsFrame(volumeNode, self._frames[self._ids.index(volumeNode.GetID())]) is False
        self.otherVolumeWarning.visible = isOther
        if isOther:
            chosen = withFrame(distinctName(volumeNode), volumeNode, shownFrame(volumeNode))
            text = otherVolumeText(self._names, chosen)
            self.otherVolumeWarning.text = f"<b>▲ {html.escape(text)}</b>"

    def setImageChanged(self, isChanged: bool) -> None:
        """Whether the volume of the result is another image by now."""
        if self._result is None:
            return
        self.changedWarning.visible = isChanged
        self.changedWarning.text = _(
            "The image was changed after the run: this is the result of the image as it was. Press Apply for a new one."
        )

    def clear(self) -> None:
        self._result = None
        self._ids: list[str] = []  # of the volumes whose result is shown; empty for one that was deleted
        self._frames: list[str | None] = []  # of these volumes
        self._names: list[str] = []
        self.headline.text = "<b>" + _("No result yet") + "</b>"
        self.bars.clear()
        self.segmented.text = _("Press Apply to segment and diagnose the volume.")
        for widget in (
            self.subject,
            self.otherVolumeWarning,
            self.changedWarning,
            self.alerts,
            self.probability,
            self.cardiacFunction,
            self.edited,
            self.warnings,
            self.disclaimer,
        ):
            widget.visible = False
        self.bodyFields.hide()
        self.output.hide()
        self.details.hide()

    def setActive(self, active: bool) -> None:
        """Nothing here depends on whether the module is shown."""

    def cleanup(self) -> None:
        self.clear()
        self.bodyFields.cleanup()
        self.output.cleanup()
        self.details.cleanup()

    def _showNames(self) -> None:
        """Of the volumes as they are named now; of one that was deleted as it was named at the run."""
        report, patient = self._result.report, self._result.patient
        saved = [report.get("case", "?")]
        if patient:
            saved.append(next((case for case in patient["cases"] if case != saved[0]), saved[0]))
        nodes = [slicer.mrmlScene.GetNodeByID(nodeId) if nodeId else None for nodeId in self._ids]
        names = list(map(_nameNow, nodes, self._frames, saved))
        if patient and patient["cases"][0] != saved[0]:
            names.reverse()  # end-diastole first
        self._names = names
        self.subject.text = f"<b>{html.escape(subjectText(names))}</b>"
        self.cardiacFunction.text = cardiacFunctionText(patient, names) if patient else ""

    def _onBody(self, heightCm: float | None, weightKg: float | None) -> None:
        self._body.change(self._result, heightCm, weightKg)
        self.bodyFields.show(self._result.patient)
        self._showNames()

    def _showDiagnosis(self, diagnosis: dict | None, names: dict[str, str], isUncertain: bool) -> None:
        reasons, alerts = self._result.reasons, self._result.alerts
        self.alerts.visible = bool(alerts)
        self.alerts.text = "<br>".join(f"<b>{html.escape(withUnbrokenUnits(alert['text']))}</b>" for alert in alerts)
        self.probability.visible = diagnosis is not None
        if reasons:
            headline = unreliableText(reasons[0])
            self.headline.text = f"<font size='+1'>{WARNING_SIGN} <b>{html.escape(headline)}</b></font>"
        elif diagnosis is None:
            self.headline.text = "<b>" + _("This model gives no diagnosis") + "</b>"
        else:
            headline = diagnosisText(diagnosis, names, isUncertain)
            self.headline.text = f"<font size='+2'><b>{html.escape(headline)}</b></font>"
        if diagnosis is None:
            self.output.hide()
            self.bars.clear()
            return
        self.output.fold() if reasons else self.output.layOpen()
        self.output.widget.enabled = not reasons  # grey
        text = _("Probability of {name}: {percent}") if reasons or isUncertain else _("Probability {percent}")
        if not diagnosis.get("calibrated", False):
            text = _("{probability} (not calibrated)").format(probability=text)
        self.probability.text = text.format(
            name=names[diagnosis["label"]], percent=percentText(diagnosis["probability"])
        )
        self.probability.toolTip = calibrationText(diagnosis.get("calibrated", False))
        self.bars.show(diagnosis["probabilities"], names)

    def _showWarnings(self, warnings: list[dict]) -> None:
        self.warnings.visible = bool(warnings)
        texts = [html.escape(withUnbrokenUnits(warning["message"])) for warning in warnings]
        self.warnings.text = "<br>".join(f"{WARNING_SIGN} {text}" for text in texts)


def _nameNow(node, frame: str | None, saved: str) -> str:
    """The saved name counts for a volume that was deleted, and for a frame whose sequence was."""
    if node is None or showsFrame(node, frame) is None:
        return saved
    return withFrame(distinctName(node), node, frame)
