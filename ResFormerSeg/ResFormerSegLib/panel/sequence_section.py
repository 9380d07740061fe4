"""The section “Over time”: the result of a sequence in words, its charts and table, and the phases of a heart."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.panel.body_fields import BodyFields
from ResFormerSegLib.panel.chart.frame_chart import FrameChart
from ResFormerSegLib.panel.patient_body import PatientBody
from ResFormerSegLib.panel.sequence_text import sequenceText
from ResFormerSegLib.panel.widgets import makeLabel
from ResFormerSegLib.runs.body_size import heartOf
from ResFormerSegLib.scene.sequences import sequenceOf


class SequenceSection:
    """ui: the widgets of ResFormerSeg.ui as attributes. models: the panel's ModelSection. showError: shows an error.

    body: keeps height and weight that the user enters for a heart's patient.
    """

    def __init__(self, ui, logic, models, showError: Callable[[ResFormerSegError], None], body: PatientBody) -> None:
        self._body = body
        self._folder, self._logic, self._models, self._showError = (
            ui.sequenceCollapsibleButton, logic, models, showError,
        )  # fmt: skip
        layout = qt.QVBoxLayout(ui.sequenceFrame)
        layout.setContentsMargins(4, 2, 4, 2)
        self.summary = makeLabel("sequenceSummary", qt.Qt.RichText)
        layout.addWidget(self.summary)
        self.bodyFields = BodyFields(layout, "sequence", self._onBody)
        self.phases = qt.QWidget()
        self.phases.objectName = "phaseButtons"
        rows, row = qt.QVBoxLayout(self.phases), qt.QHBoxLayout()  # three in one row do not fit into a narrow panel
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addLayout(row)
        self.diastoleButton = _button(
            row, "diastoleButton", _("Set end-diastole"), _("Takes the frame that is shown as end-diastole")
        )
        self.systoleButton = _button(
            row, "systoleButton", _("Set end-systole"), _("Takes the frame that is shown as end-systole")
        )
        self.foundButton = _button(
            rows, "foundPhasesButton", _("As found"), _("Takes the phases that were found from the volume curve again")
        )
        layout.addWidget(self.phases)
        chartWidget = qt.QWidget()
        layout.addWidget(chartWidget)
        self.chart = FrameChart(chartWidget)
        self._actions = (
            (self.diastoleButton, self._setDiastole),
            (self.systoleButton, self._setSystole),
            (self.foundButton, self._setFound),
        )
        for button, action in self._actions:
            button.connect("clicked()", action)
        self._result = None
        self._job = None
        self.clear()

    @property
    def result(self):
        return self._result

    def show(self, result) -> None:
        """result: a SequenceResult."""
        self._stop()
        self._result = result
        source = sequenceOf(result.volumeNode)
        names = self._models.classNames(result.report["model"])
        self._folder.visible = True
        self.bodyFields.hide()  # what is left in them may be of another patient
        self._showSummary()
        self.phases.visible = bool(result.heartReports) and result.heart is not None
        self.chart.showFrames(result, source, names)

    def clear(self) -> None:
        self._stop()
        self._result = None
        self.bodyFields.hide()
        self._folder.visible = False
        self.chart.clear()

    def setActive(self, active: bool) -> None:
        self.chart.setActive(active)

    def cleanup(self) -> None:
        self._stop()
        for button, action in self._actions:
            button.disconnect("clicked()", action)
        self.bodyFields.cleanup()
        self.chart.cleanup()
        self._result = None

    def _showSummary(self) -> None:
        self.summary.text = sequenceText(self._result, self._models.classNames(self._result.report["model"]))
        heart = heartOf(self._result)
        self.bodyFields.show(heart) if heart else self.bodyFields.hide()

    def _onBody(self, heightCm: float | None, weightKg: float | None) -> None:
        self._body.change(self._result, heightCm, weightKg)
        self._showSummary()

    def _setDiastole(self) -> None:
        if self._result is not None and self.chart.marked is not None:
            self._evaluate(self.chart.marked, self._result.heart["end_systole"])

    def _setSystole(self) -> None:
        if self._result is not None and self.chart.marked is not None:
            self._evaluate(self._result.heart["end_diastole"], self.chart.marked)

    def _setFound(self) -> None:
        if self._result is not None:
            self._evaluate(None, None)

    def _evaluate(self, diastole: int | None, systole: int | None) -> None:
        heart, model = self._result.heart, self._result.report["model"]
        try:
            self._job = self._logic.evaluateCine(
                self._result,
                self._models.referenceOf(model) or model["id"],
                endDiastole=diastole,
                endSystole=systole,
                heightCm=heart["body"]["height_cm"],
                weightKg=heart["body"]["weight_kg"],
                wait=False,
                onFinished=self._onEvaluated,
                onFailed=self._onFailed,
            )
        except ResFormerSegError as error:
            self._onFailed(error)
        self._enable()

    def _onEvaluated(self, result) -> None:
        self._job = None
        self._enable()
        self.show(result)

    def _onFailed(self, error) -> None:
        self._job = None
        self._enable()
        if getattr(error, "code", "") != "CANCELLED":
            self._showError(error)

    def _stop(self) -> None:
        job, self._job = self._job, None
        if job is not None and not job.isOver:
            job.onFinished = job.onFailed = lambda outcome: None
            job.cancel()
        self._enable()

    def _enable(self) -> None:
        self.bodyFields.row.enabled = self._job is None  # what is evaluated now has the height and weight of before
        for button in (self.diastoleButton, self.systoleButton, self.foundButton):
            button.enabled = self._job is None


def _button(row, name: str, text: str, toolTip: str):
    button = qt.QPushButton()
    button.objectName = name
    button.text = text
    button.toolTip = toolTip
    button.autoDefault = False
    row.addWidget(button)
    return button
