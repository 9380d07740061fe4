"""The part of the Learn section that adds the corrected result to the training set."""

from __future__ import annotations

from collections.abc import Callable

import ctk
import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.learning.training_sets import lastAuthor, rememberAuthor
from ResFormerSegLib.panel.widgets import makeButton, makeLabel
from ResFormerSegLib.runs.omitted_slices import analysedSlices
from ResFormerSegLib.scene.patient_name import patientOf
from ResFormerSegLib.texts import namesOfClasses

NOT_KNOWN = "unknown"  # data of an item that stands for no diagnosis; "" stands for no choice


class CollectingPart:
    """folderOf: the training set's folder, empty if none is chosen. onAdded: called when a case was added.

    The diagnosis is not preselected: to confirm is to choose.
    """

    def __init__(self, layout, logic, folderOf: Callable[[], str], onAdded: Callable[[], None]) -> None:
        self._logic = logic
        self._folderOf = folderOf
        self._onAdded = onAdded
        self._result = None
        self._job = None
        self._added = (None, "")  # the result that is being added, and the name of its image
        self._outcome = ""  # of the last case: shown until the user goes on
        self._note = ""  # on what the result lacks
        self.diagnosis = ctk.ctkComboBox()
        self.diagnosis.objectName = "learnDiagnosis"
        self.diagnosis.defaultText = _("Confirmed diagnosis")
        self.diagnosis.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        self.diagnosis.minimumContentsLength = 12
        self.diagnosis.scrollWheelEffect = ctk.ctkComboBox.NeverScroll
        self.diagnosis.connect("currentIndexChanged(int)", self._onChanged)
        self.patient = qt.QLineEdit()
        self.patient.objectName = "learnPatient"
        self.patient.placeholderText = _("Name or number of the patient")
        self.patient.toolTip = _(
            "All images of a patient stay in one split. Only a code is stored, neither the name nor the number."
        )
        self.patient.connect("textChanged(QString)", self._onChanged)
        self.author = qt.QLineEdit(lastAuthor())
        self.author.objectName = "learnAuthor"
        self.author.placeholderText = _("Optional")
        self.author.toolTip = _("Who has confirmed contours and diagnosis; stored with the case")
        self.button = makeButton(
            "learnAddButton", _("Add to training set"), _("Adds volume, corrected segmentation and diagnosis"), self.add
        )
        self.status = makeLabel("learnCollectingStatus")
        form = qt.QFormLayout()
        form.setRowWrapPolicy(qt.QFormLayout.WrapLongRows)
        form.addRow(_("Diagnosis:"), self.diagnosis)
        form.addRow(_("Patient:"), self.patient)
        form.addRow(_("Confirmed by:"), self.author)
        layout.addLayout(form)
        layout.addWidget(self.button)
        layout.addWidget(self.status)
        self.clear()

    def showResult(self, result, volumeNode, classNames: dict[str, str] | None = None) -> None:
        self._result = result
        self.diagnosis.clear()
        names = namesOfClasses(result.report, classNames)
        for identifier, name in names.items():
            self.diagnosis.addItem(name, identifier)
        self.diagnosis.addItem(_("Not known"), NOT_KNOWN)
        self.diagnosis.setCurrentIndex(-1 if names else 0)
        self.patient.text = patientOf(volumeNode)
        self._outcome, self._note = "", _omittedText(result.report, volumeNode)
        self.refresh()

    def clear(self) -> None:
        """A case that is being added is added all the same."""
        self._result = None
        self.diagnosis.clear()
        self.patient.text = ""
        self._outcome = ""
        self.refresh()

    def refresh(self) -> None:
        reason = self._whyNot()
        self.button.enabled = not reason
        self.button.toolTip = reason or _("Adds volume, corrected segmentation and diagnosis to the training set")
        text = self._outcome or (" ".join(filter(None, (reason, self._note))) if self._result is not None else "")
        self.status.text = text
        self.status.visible = bool(text)

    def add(self) -> None:
        if self._whyNot():
            self.refresh()
            return
        author = self.author.text.strip()
        rememberAuthor(author)
        chosen = self.diagnosis.itemData(self.diagnosis.currentIndex)
        self._outcome = _("Adding to the training set…")
        self._added = (self._result, self._result.volumeNode.GetName())
        try:
            self._job = self._logic.collect(
                self._result,
                "" if chosen == NOT_KNOWN else chosen,
                self.patient.text,
                self._folderOf(),
                by=author,
                wait=False,
                onFinished=self._onFinished,
                onFailed=self._onFailed,
            )
        except ResFormerSegError as error:
            self._onFailed(error)
        self.refresh()

    def cleanup(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.onFinished = job.onFailed = lambda outcome: None
            job.cancel()
        self.diagnosis.disconnect("currentIndexChanged(int)", self._onChanged)
        self.patient.disconnect("textChanged(QString)", self._onChanged)
        self._result, self._added = None, (None, "")

    def _whyNot(self) -> str:
        """Empty if the case can be added."""
        result = self._result
        if result is None:
            return _("Press Apply first, and correct the segmentation.")
        if self._job is not None:
            return _("A case is being added.")
        if not self._folderOf():
            return _("Choose a folder for the training set.")
        if not _isInScene(result.volumeNode) or not _isInScene(result.segmentationNode or result.volumeNode):
            return _("The volume or the segmentation was deleted.")
        if self.diagnosis.currentIndex < 0:
            return _("Choose the confirmed diagnosis.")
        if not self.patient.text.strip():
            return _("Say which patient it is; only a code of it is stored.")
        return ""

    def _onChanged(self, value=None) -> None:
        if self._job is None:
            self._outcome = ""
        self.refresh()

    def _onFinished(self, case: dict) -> None:
        self._job = None
        text = _("Added as {name}, split “{split}”.").format(name=case["id"], split=case["split"])
        if case["isEmpty"]:
            text += " " + _("Its mask is empty: it teaches that there is no lesion.")
        self._outcome = self._ofAdded(text)
        self._onAdded()
        self.refresh()

    def _onFailed(self, error: ResFormerSegError) -> None:
        self._job = None
        text = f"{error.message} {error.hint}".strip()
        self._outcome = "" if error.code == "CANCELLED" else self._ofAdded(text)
        self.refresh()

    def _ofAdded(self, text: str) -> str:
        """Says of which image, when another result is shown by now."""
        result, name = self._added
        self._added = (None, "")
        return text if result is self._result else _("“{image}”: {text}").format(image=name, text=text)


def _omittedText(report: dict, volumeNode) -> str:
    """Empty when all slices were analysed."""
    analysed = analysedSlices(report, volumeNode)
    if analysed is None:
        return ""
    text = _(
        "Only slices {first} to {last} of 0 to {end} were analysed. The others come into the set as well, with what is "
        "drawn in them: draw what is missing, or run all slices."
    )
    return text.format(first=analysed[0], last=analysed[1], end=analysed[2])


def _isInScene(node) -> bool:
    return node is not None and node.GetScene() is slicer.mrmlScene
