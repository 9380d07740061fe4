"""The diagnosis in plain words: label, calibrated probability, a bar for each class, how it came about, warnings."""

from __future__ import annotations

import html

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.panel.class_names import namesOfClasses
from ResFormerSegLib.panel.figures import millilitresText, percentText, wholeText
from ResFormerSegLib.panel.patient_measures import measuresText
from ResFormerSegLib.panel.plain_text import toolTipOf

# All stand out from a light and from a dark background. A style sheet with colours of the palette would not follow when
# the application's style is changed.
LEADING_COLOR, OTHER_COLOR, WARNING_COLOR = "#2f86d6", "#8d939b", "#d98a00"
WARNING_SIGN = f"<font color='{WARNING_COLOR}'><b>▲</b></font>"
BAR_STYLE = (
    "QProgressBar {{ border: none; border-radius: 3px; background: rgba(128, 128, 128, 70); }} "
    "QProgressBar::chunk {{ border-radius: 3px; background: {color}; }}"
)


class DiagnosisCard:
    """Fills the widget it is given; shows one result at a time.

    >>> card = DiagnosisCard(self.ui.diagnosisCardFrame)
    >>> card.showResult(result, volumeNode)
    """

    def __init__(self, parentWidget) -> None:
        layout = qt.QVBoxLayout(parentWidget)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(6)
        self.headline = _label("diagnosisHeadline", qt.Qt.RichText)
        self.subject = _label("diagnosisSubject")
        self.elsewhere = _label("diagnosisElsewhere", qt.Qt.RichText)
        self.probability = _label("diagnosisProbability")
        self.bars = qt.QWidget()
        self.bars.objectName = "diagnosisBars"
        self._grid = qt.QGridLayout(self.bars)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._barWidgets: list = []
        self.measures = _label("diagnosisMeasures", qt.Qt.RichText)
        self.outlined = _label("diagnosisOutlined", qt.Qt.RichText)
        self.rule = _label("diagnosisRule")
        self.warnings = _label("diagnosisWarnings", qt.Qt.RichText)
        self.caution = _label("diagnosisCaution", qt.Qt.RichText)
        self.technicalButton = qt.QToolButton()
        self.technicalButton.objectName = "diagnosisTechnicalButton"
        self.technicalButton.text = _("Model and run")
        self.technicalButton.toolTip = _("Which model made this result, where and in what time")
        self.technicalButton.checkable = True
        self.technicalButton.autoRaise = True
        self.technicalButton.toolButtonStyle = qt.Qt.ToolButtonTextBesideIcon
        self.technicalButton.arrowType = qt.Qt.RightArrow
        self.technicalButton.connect("toggled(bool)", self._fold)
        self.technical = _label("diagnosisTechnical")
        self.technical.visible = False
        for widget in (
            self.headline,
            self.subject,
            self.elsewhere,
            self.probability,
            self.bars,
            self.measures,
            self.outlined,
            self.rule,
            self.warnings,
            self.caution,
            self.technicalButton,
            self.technical,
        ):
            layout.addWidget(widget)
        self.clear()

    def showResult(
        self, result, volumeNode=None, classNames: dict[str, str] | None = None, needsBothPhases: bool = False
    ) -> None:
        """result: a ProcessingResult, new or restored with its scene; its patient's diagnosis goes before the image's.

        classNames: of all classes, by id. needsBothPhases: whether the model diagnoses patients from two phases.
        """
        report, patient = result.report, result.patient
        self._volumeId = volumeNode.GetID() if volumeNode is not None else ""
        self._case = volumeNode.GetName() if volumeNode is not None else report.get("case", "?")
        self.subject.text = _subject(self._case, patient)
        self.subject.visible = True
        diagnosis = patient["diagnosis"] if patient else report.get("diagnosis")
        isDirect = patient is not None or len(report["slices"]) == 1
        self._showDiagnosis(diagnosis, isDirect, namesOfClasses({"diagnosis": diagnosis}, classNames))
        self.measures.text = measuresText(patient) if patient else ""
        self.measures.visible = patient is not None
        self.outlined.text = _outlined(report, ofSeveral=patient is not None)
        self.rule.text = _ruleOfPatient(patient) if patient else _rule(report)
        self.rule.visible = diagnosis is not None
        self._showWarnings(_warnings(result, needsBothPhases))
        self.caution.text = "<b>" + _("Not for clinical use without review by an expert.") + "</b>"
        self.technical.text = _technical(report)
        for widget in (self.outlined, self.caution, self.technicalButton):
            widget.visible = True

    def tellChosen(self, volumeNode) -> None:
        """Warns when the volume that is chosen for the next run is not the one whose result this is."""
        isOther = self._volumeId is not None and volumeNode is not None and volumeNode.GetID() != self._volumeId
        self.elsewhere.visible = isOther
        if isOther:
            text = _("This is the result of “{case}”. Press Apply for that of “{volume}”.").format(
                case=self._case, volume=volumeNode.GetName()
            )
            self.elsewhere.text = f"{WARNING_SIGN} <b>{html.escape(text)}</b>"

    def clear(self) -> None:
        self._volumeId: str | None = None  # of the volume whose result is shown; empty if it was deleted
        self._case = ""
        self.headline.text = "<b>" + _("No result yet") + "</b>"
        self._removeBars()
        self.outlined.text = _("Press Apply to outline and diagnose the volume.")
        shownOfResults = (
            self.subject,
            self.elsewhere,
            self.probability,
            self.bars,
            self.measures,
            self.rule,
            self.warnings,
            self.caution,
        )
        for widget in (*shownOfResults, self.technicalButton):
            widget.visible = False
        self.technicalButton.checked = False

    def setActive(self, active: bool) -> None:
        """Nothing here depends on whether the module is shown."""

    def cleanup(self) -> None:
        self.technicalButton.disconnect("toggled(bool)", self._fold)

    def _fold(self, shown: bool) -> None:
        self.technicalButton.arrowType = qt.Qt.DownArrow if shown else qt.Qt.RightArrow
        self.technical.visible = shown

    def _showDiagnosis(self, diagnosis: dict | None, isDirect: bool, names: dict[str, str]) -> None:
        """isDirect: whether the network gave these probabilities, and no rule made them of those of several slices."""
        self._removeBars()
        self.probability.visible = self.bars.visible = diagnosis is not None
        if diagnosis is None:
            self.headline.text = "<b>" + _("This model gives no diagnosis") + "</b>"
            return
        self.headline.text = f"<font size='+2'><b>{html.escape(names[diagnosis['label']])}</b></font>"
        if diagnosis.get("calibrated", False):
            text, tip = (
                _("{percent} probable (calibrated)") if isDirect else _("{percent} probable, from calibrated slices"),
                _(
                    "The probabilities of single slices were calibrated on cases that the model had not learnt from, "
                    "so that of slices called 80 % probable about 80 % are right. This holds for images like those of "
                    "the training only. Of several slices, the rule below makes one probability, which is not "
                    "calibrated itself."
                ),
            )
        else:
            text, tip = (
                _("{percent} probable (not calibrated)"),
                _("Not calibrated: the probabilities say which class is ahead, not how often that is right."),
            )
        self.probability.text = text.format(percent=percentText(diagnosis["probability"]))
        self.probability.toolTip = tip
        ranked = sorted(diagnosis["probabilities"].items(), key=lambda item: -item[1])
        for row, (identifier, probability) in enumerate(ranked):
            self._addBar(row, names[identifier], probability)

    def _addBar(self, row: int, name: str, probability: float) -> None:
        label, percent = qt.QLabel(name), qt.QLabel(percentText(probability))
        label.textFormat = qt.Qt.PlainText
        percent.setAlignment(qt.Qt.AlignRight)
        bar = qt.QProgressBar()
        bar.setRange(0, 1000)
        bar.value = int(round(1000 * probability))
        bar.textVisible = False
        bar.setFixedHeight(12)
        bar.styleSheet = BAR_STYLE.format(color=OTHER_COLOR if row else LEADING_COLOR)
        for column, widget in enumerate((label, bar, percent)):
            widget.toolTip = toolTipOf(_("{name}: {percent}").format(name=name, percent=percentText(probability)))
            self._grid.addWidget(widget, row, column)
            self._barWidgets.append(widget)

    def _removeBars(self) -> None:
        for widget in self._barWidgets:
            self._grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self._barWidgets = []

    def _showWarnings(self, warnings: list[dict]) -> None:
        self.warnings.visible = bool(warnings)
        self.warnings.text = "<br>".join(f"{WARNING_SIGN} {html.escape(warning['message'])}" for warning in warnings)


def _label(name: str, textFormat=qt.Qt.PlainText):
    label = qt.QLabel()
    label.objectName = name
    label.textFormat = textFormat
    label.wordWrap = True
    label.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    return label


def _subject(case: str, patient: dict | None) -> str:
    if patient is None:
        return _("of “{volume}”").format(volume=case)
    return _("of the patient in “{first}” and “{second}”").format(first=patient["cases"][0], second=patient["cases"][1])


def _outlined(report: dict, ofSeveral: bool) -> str:
    """ofSeveral: whether to name the volume, as there is more than one."""
    if not report["segments"]:
        return _("This model draws no outline.")
    found = [segment for segment in report["segments"] if segment["voxels"]]
    if not found:
        return "<b>" + _("Nothing was outlined.") + "</b>"
    sizes = []
    for segment in found:
        if segment.get("volume_mm3") is None:
            size = _("{count} pixels").format(count=wholeText(segment["voxels"]))
        else:
            size = millilitresText(segment["volume_mm3"])
        sizes.append(_("{name} ({size})").format(name=html.escape(segment["name"]), size=size))
    if ofSeveral:
        return _("Outlined in “{case}”: {list}").format(case=html.escape(report["case"]), list=", ".join(sizes))
    return _("Outlined: {list}").format(list=", ".join(sizes))


def _warnings(result, needsBothPhases: bool) -> list[dict]:
    if result.patient:  # how sure the network is of one phase is of no interest any more
        ofImages = [warning for warning in result.warnings if warning["code"] != "LOW_CONFIDENCE"]
        return result.patient.get("warnings", []) + ofImages
    if not needsBothPhases:
        return result.warnings
    message = _(
        "This is the diagnosis of one phase of the heart alone. This model's diagnosis of a patient needs both: choose "
        "the other phase under Inputs, then press Apply again."
    )
    return [{"code": "ONE_PHASE_ONLY", "message": message}, *result.warnings]


def _ruleOfPatient(patient: dict) -> str:
    return _("From both phases of the heart. {rule}").format(rule=patient["diagnosis"].get("rule_text", ""))


def _rule(report: dict) -> str:
    count = len(report["slices"])
    rule = (report.get("diagnosis") or {}).get("rule_text", "")
    if count == 1:
        return _("From one slice. {rule}").format(rule=rule)
    return _("From {count} slices. {rule}").format(count=count, rule=rule)


def _technical(report: dict) -> str:
    model = report["model"]
    seconds = (report.get("timing_s") or {}).get("total")
    parts = [
        _("Model {id}, version {version}").format(id=model["id"], version=model["version"]),
        _("weights SHA-256 {start}…").format(start=model.get("sha256", "")[:12]),
        _("on {device}").format(device=report.get("device", "?")),
    ]
    if seconds is not None:
        parts.append(_("in {seconds} s").format(seconds=f"{seconds:.1f}"))
    return ", ".join(parts) + "."
