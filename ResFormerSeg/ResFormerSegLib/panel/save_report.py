"""The button *Save report…*: asks for formats and folder, installs what is missing, saves, and tells what was saved."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.report_packages import installReportPackages, megabytesOf, missingPackages
from ResFormerSegLib.panel.message_area import MessageArea
from ResFormerSegLib.runs.patient_results import wholeResult
from ResFormerSegLib.runs.report import earlierFiles
from ResFormerSegLib.scene.dicom_source import addToDatabase, isFromDicom


class SaveReport:
    """requirementsFolder: of the files that name the packages."""

    def __init__(self, ui, logic, requirementsFolder: str, message: MessageArea) -> None:
        self._button = ui.saveReportButton
        self._logic = logic
        self._requirementsFolder = requirementsFolder
        self._message = message
        self._result = self._job = None
        self._button.connect("clicked()", self.save)
        self.clear()

    def show(self, result, volumeNode) -> None:
        """result: a ProcessingResult. volumeNode: None if it was deleted; there is then nothing to make a report of."""
        self._result = result if volumeNode is not None else None
        self._button.enabled = self._result is not None

    def clear(self) -> None:
        self._result = None
        self._button.enabled = False

    def cleanup(self) -> None:
        if self._job is not None and not self._job.isOver:
            self._job.cancel()
        self._job = None
        self.clear()
        self._button.disconnect("clicked()", self.save)

    def save(self) -> None:
        """Asks, then saves; the application stays usable meanwhile."""
        if self._result is None:
            return
        self._message.clear()
        try:
            result = wholeResult(self._result)
        except ResFormerSegError as error:
            self._message.showError(error)
            return
        volumes = [part.volumeNode for part in (getattr(result, "first", result), getattr(result, "second", result))]
        chosen = ReportDialog(all(isFromDicom(volume) for volume in volumes)).choose()
        if not chosen or not chosen[0]:
            return
        formats, withPatient = chosen
        folder = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Folder for the report"))
        if not folder or not _mayReplace(earlierFiles(result, folder, formats)):
            return
        try:
            if missing := missingPackages(formats):
                installReportPackages(self._requirementsFolder, missing)
            self._job = self._logic.report(
                result, folder, formats, withPatient=withPatient,
                wait=False, onFinished=self._onFinished, onFailed=self._onFailed,
            )  # fmt: skip
            self._message.showNotice(_("Saving the report…"))
        except ResFormerSegError as error:
            self._message.showError(error)

    def _onFinished(self, saved: dict) -> None:
        self._job = None
        lines = [_("Saved: {files}.").format(files=", ".join(Path(file).name for file in saved["files"]))]
        lines += [note["message"] for note in saved["notes"]]
        self._message.showNotice(" ".join(lines))
        objects = [file for file in saved["files"] if file.endswith(".dcm")]
        question = _("Add the DICOM objects to Slicer's DICOM database too, under the patient's study?")
        if not objects or not slicer.util.confirmYesNoDisplay(question):
            return
        try:
            addToDatabase(objects)
        except ResFormerSegError as error:
            self._message.showError(error)

    def _onFailed(self, error) -> None:
        self._job = None
        if getattr(error, "code", "") != "CANCELLED":
            self._message.showError(error)


def _mayReplace(files: list[str]) -> bool:
    question = _(
        "The folder holds these files already, perhaps of another image of the same name: {files}. Replace them?"
    )
    return not files or slicer.util.confirmOkCancelDisplay(
        question.format(files=", ".join(files)), windowTitle=_("Replace the report?")
    )


class ReportDialog:
    """Which formats, and whether the page names the patient. fromDicom: whether DICOM objects can be made."""

    def __init__(self, fromDicom: bool) -> None:
        self.dialog = qt.QDialog(slicer.util.mainWindow())
        self.dialog.setWindowTitle(_("Save report"))
        layout = qt.QVBoxLayout(self.dialog)
        self._formats = {
            "html": self._box(layout, _("Page (HTML), to read and print in a browser"), True),
            "pdf": self._box(layout, _("Page (PDF)"), False),
            "dicom": self._box(layout, _("DICOM segmentation and structured report"), fromDicom),
        }
        box = self._formats["dicom"]
        box.enabled = fromDicom
        box.toolTip = (
            _("For a PACS; they name the patient, as DICOM asks")
            if fromDicom
            else _("Only for volumes loaded from Slicer's DICOM database")
        )
        self._withPatient = self._box(layout, _("Name the patient and the volume on the page"), False)
        if megabytes := megabytesOf(missingPackages(["html", "dicom"] if fromDicom else ["html"])):
            label = qt.QLabel(_("Python packages of up to {size} MB are asked for first.").format(size=megabytes))
            layout.addWidget(label)
        buttons = qt.QDialogButtonBox()  # combined flags are a number to PythonQt, which its constructor would mistake
        buttons.setStandardButtons(qt.QDialogButtonBox.Save | qt.QDialogButtonBox.Cancel)
        buttons.connect("accepted()", self.dialog.accept)
        buttons.connect("rejected()", self.dialog.reject)
        layout.addWidget(buttons)

    def choose(self) -> tuple[list[str], bool] | None:
        """The formats, and whether the page names the patient; None when the user cancelled."""
        accepted = self.dialog.exec_() == qt.QDialog.Accepted
        formats = [name for name, box in self._formats.items() if box.checked and box.enabled]
        self.dialog.deleteLater()
        return (formats, self._withPatient.checked) if accepted else None

    @staticmethod
    def _box(layout, text: str, checked: bool):
        box = qt.QCheckBox(text)
        box.checked = checked
        layout.addWidget(box)
        return box
