"""The Cases section: a model over many images, one row a case, and the case that is clicked in the views."""

from __future__ import annotations

import time
from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.cases.earlier_results import earlierRows
from ResFormerSegLib.cases.row import DONE, FAILED, KEPT, Row
from ResFormerSegLib.cases.run import CasesRun, isRunning
from ResFormerSegLib.cases.steps import Steps
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.install.onnx_runtime import isEngineInstalled
from ResFormerSegLib.install.pytorch import ensureOtherPackages
from ResFormerSegLib.panel.cases_export import CasesExport
from ResFormerSegLib.panel.cases_inputs import CasesInputs
from ResFormerSegLib.panel.cases_table import CasesTable
from ResFormerSegLib.panel.progress_display import timeLeft
from ResFormerSegLib.panel.widgets import makeButton, makeLabel, makeRow
from ResFormerSegLib.timers import Later

FOLDER_SETTING = "ResFormerSeg/CasesFolder"
_SHOW_MILLISECONDS = 300  # until rows are listed anew, once for many that have changed


class CasesSection:
    """Fills the frame `ui.casesFrame`.

    models: the ModelSection. settingsOf: device and options of a run, as keywords of the logic's `cases`. onShow:
    called with the result of a case and its volume. requirementsFile: of the engine's packages.
    """

    def __init__(
        self,
        ui,
        logic,
        models,
        requirementsFile: str,
        settingsOf: Callable[[], dict],
        onShow: Callable[[object, object], None],
    ) -> None:
        self._button = ui.casesCollapsibleButton
        self._logic, self._models = logic, models
        self._requirementsFile, self._settingsOf = requirementsFile, settingsOf
        self.run: CasesRun | None = None
        self._earlier: list[Row] = []  # of the folder, not of this run
        self._reading: Steps | None = None
        self._begun = 0.0
        self._showLater = Later(self._showRows, _SHOW_MILLISECONDS)
        self.folder = str(qt.QSettings().value(FOLDER_SETTING, "") or "")
        self._readFolder = ""
        layout = qt.QVBoxLayout(ui.casesFrame)
        layout.setContentsMargins(4, 2, 4, 2)
        self.inputs = CasesInputs(layout, models.model, self._check)
        self.note = makeLabel("casesNote")
        self.note.text = _(
            "This model diagnoses a patient from both cardiac phases. Here each image is diagnosed by itself, which is "
            "less reliable."
        )
        self.note.visible = False
        self.folderLabel = makeLabel("casesFolder")
        self.chooseButton = makeButton(
            "casesChooseButton", _("Results…"), _("Chooses the folder of the results"), self.chooseFolder
        )
        self.openButton = makeButton(
            "casesOpenButton", _("Open folder"), _("Shows the folder in the file manager"), self.openFolder
        )
        self.runButton = makeButton("casesRunButton", _("Run"), "", self.start)
        self.cancelButton = makeButton(
            "casesCancelButton", _("Cancel"), _("Stops; the results so far are kept"), self.cancel
        )
        self.bar = qt.QProgressBar()
        self.bar.objectName = "casesProgress"
        self.bar.minimum, self.bar.maximum = 0, 1000
        self.bar.textVisible = False
        self.status = makeLabel("casesStatus")
        layout.addWidget(self.note)
        layout.addWidget(self.folderLabel)
        layout.addWidget(makeRow(self.chooseButton, self.openButton))
        layout.addWidget(makeRow(self.runButton, self.cancelButton))
        layout.addWidget(self.bar)
        layout.addWidget(self.status)
        self.table = CasesTable(layout, self.show)
        self.export = CasesExport(layout, logic, self._forExport, requirementsFile, self._say)
        self.shown = logic.shownCases(self._onShown, self._onNotShown, self._onEdited)
        self._onShow = onShow
        self.bar.visible = self.cancelButton.visible = False
        self._say("")
        self._button.connect("contentsCollapsed(bool)", self._onFolded)
        self.refresh()

    def refresh(self) -> None:
        """For another scene or model; nothing is read while the section is folded."""
        if self._button.collapsed:
            return
        self.inputs.refresh()
        model = self._models.model()
        self.note.visible = model is not None and model.diagnosesPatients
        if self._readFolder != self.folder:
            self._read()
        self._check()

    def rows(self) -> list[Row]:
        """All that the table shows."""
        return [*(self.run.rows if self.run is not None else ()), *self._earlier]

    def start(self) -> None:
        model, inputs = self._models.model(), self.inputs.inputs()
        if self._whyNot() or not (self.folder or self.chooseFolder()):
            self._check()
            return
        try:
            ensureOtherPackages(self._requirementsFile)
            images = [source for source in inputs if source.isToBeSearched or source.series or source.volumeNode]
            run = self._logic.casesOf(images, model.reference, self.folder, **self._settingsOf())
        except ResFormerSegError as error:
            self._say(str(error))
            return
        self._earlier = _below([row for row in self.rows() if row.state in (DONE, KEPT)])
        run.onRow, run.onRows, run.onProgress = self._onRow, self._showRows, self._onProgress
        run.onFinished, run.onFailed = self._onFinished, self._onFailed
        self.run, self._begun = run, time.monotonic()
        self._readFolder = self.folder
        self._models.keepChoice()
        self._showRows()
        self._say(_("Starting…"))
        self._check()
        try:
            run.start()
        except ResFormerSegError as error:
            run.abandon()
            self._onFailed(error)

    def clear(self) -> None:
        """The scene is being closed: nothing comes into it any more. The list stays, its results are on the disk."""
        if self.shown.opening is not None:
            self.shown.cancel()
            self._say("")

    def cancel(self) -> None:
        if self._isRunning:
            self.cancelButton.enabled = False
            self._say(_("Cancelling…"))
            self.run.cancel()

    def show(self, row: Row) -> None:
        """Brings the case into the scene, and shows it in the views and in the panel."""
        if row.facts is None:
            self._say(str(row.error) if row.error is not None else _("This case has no result yet."))
            return
        self._say(_("Opening “{name}”…").format(name=row.title))
        self.shown.show(row, self.folder)

    def chooseFolder(self) -> bool:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder for the results of many cases"), self.folder
        )
        if folder:
            self.setFolder(str(folder))
        return bool(folder)

    def setFolder(self, folder: str) -> None:
        """What it holds is listed."""
        self.folder = folder
        qt.QSettings().setValue(FOLDER_SETTING, folder)
        self.shown.forget()
        self.run = None
        self._read()
        self._check()

    def openFolder(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self.folder))

    def cleanup(self) -> None:
        self._button.disconnect("contentsCollapsed(bool)", self._onFolded)
        self._stopReading()
        self._showLater.cleanup()
        if self.run is not None:
            self.run.abandon()
        for part in (self.shown, self.export, self.table, self.inputs):
            part.cleanup()
        self.run, self._earlier = None, []

    @property
    def _isRunning(self) -> bool:
        return self.run is not None and not self.run.isOver

    def _whyNot(self) -> str:
        if self._isRunning or isRunning():
            return _("A run over many cases is in progress.")
        if self._models.model() is None or self._models.isMissing():
            return _("Choose a model above.")
        if not isEngineInstalled():
            return _("No inference engine is installed. Install ONNX Runtime or PyTorch above.")
        return self.inputs.whyNone()

    def _check(self) -> None:
        reason, running = self._whyNot(), self._isRunning
        self.runButton.enabled = not reason
        self.runButton.toolTip = reason or _("Runs the selected model on all chosen images")
        for widget in (self.chooseButton, self.inputs.box, self.inputs.list, self.inputs.chooseButton):
            widget.enabled = not running
        self.bar.visible = self.cancelButton.visible = running
        self.cancelButton.enabled = running
        self.openButton.enabled = bool(self.folder)
        self.folderLabel.text = (
            _("Results: {folder}").format(folder=self.folder)
            if self.folder
            else _("The results are written into a folder, which is asked for at the start.")
        )
        self.export.setRows(bool(self.rows()))

    def _onFolded(self, folded: bool) -> None:
        if not folded:
            self.inputs.lookAgain()
            self.refresh()

    def _read(self) -> None:
        self._stopReading()
        self._readFolder, self._earlier = self.folder, []
        self._showRows()
        if self.folder:
            self._reading = Steps(earlierRows(self.folder), self._onRead)

    def _onRead(self, rows: list[Row]) -> None:
        self._reading = None
        known = {row.case for row in self._earlier}  # of the session's own runs, whose images are known better
        self._earlier = _below([*self._earlier, *(row for row in rows if row.case not in known)])
        self._showRows()
        self._check()
        if rows and not self._isRunning:
            self._say(_("Results of earlier runs in the folder: {count}.").format(count=len(rows)))

    def _stopReading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None

    def _showRows(self) -> None:
        if self.run is not None:
            names = {row.case for row in self.run.rows if row.case}
            self._earlier = [row for row in self._earlier if row.case not in names]
        self.table.show(self.rows())

    def _onRow(self, row: Row) -> None:
        if row.state == DONE:
            self.shown.outdate(row.case)
        row.isEdited = bool(row.case) and self.shown.isEdited(row.case)
        self.table.update(row)
        if row.case and any(other.case == row.case for other in self._earlier):
            self._showLater.start()

    def _onProgress(self, done: int, count: int, fraction: float, text: str) -> None:
        self.bar.value = int(1000 * (done + min(max(fraction, 0.0), 1.0)) / max(1, count))
        computed = sum(row.state in (DONE, FAILED) for row in self.run.rows)
        left = ""
        if computed:
            left = f" · {timeLeft((time.monotonic() - self._begun) / computed * (count - done))}"
        if count:
            text = _("{number} of {count}, {text}").format(number=min(done + 1, count), count=count, text=text)
        if self.shown.opening is None:
            self._say(text + left)

    def _onFinished(self, rows: list[Row]) -> None:
        self._say(_summary(rows))
        self._check()

    def _onFailed(self, error: ResFormerSegError) -> None:
        rows = self.run.rows
        self._say(f"{error} {_summary([row for row in rows if row.state in (DONE, KEPT, FAILED)])}")
        self._check()

    def _onShown(self, result, volumeNode) -> None:
        self._say("")
        self._onShow(result, volumeNode)

    def _onNotShown(self, row: Row, error: ResFormerSegError) -> None:
        if error.code != "CANCELLED":
            self._say(str(error))

    def _onEdited(self) -> None:
        for row in self.rows():
            isEdited = bool(row.case) and self.shown.isEdited(row.case)
            if isEdited != row.isEdited:
                row.isEdited = isEdited
                self.table.update(row)

    def _forExport(self) -> tuple[str, list[Row]]:
        """The folder and the rows, in the order of the table."""
        self.shown.noteEdits()
        return self.folder, self.table.rows()

    def _say(self, text: str) -> None:
        self.status.text = text
        self.status.visible = bool(text)


def _below(rows: list[Row]) -> list[Row]:
    """Numbers them so that they come below those of a run."""
    for number, row in enumerate(rows, start=1_000_000):
        row.number = number
    return rows


def _summary(rows: list[Row]) -> str:
    counts = [_("Done: {count}.").format(count=sum(row.state in (DONE, KEPT) for row in rows))]
    if kept := sum(row.state == KEPT for row in rows):
        counts.append(_("Of these from before: {count}.").format(count=kept))
    if failed := sum(row.state == FAILED for row in rows):
        counts.append(_("Failed: {count}.").format(count=failed))
    if unreliable := sum(bool(row.facts and row.facts.reasons) for row in rows):
        counts.append(_("Not reliable: {count}.").format(count=unreliable))
    return " ".join(counts)
