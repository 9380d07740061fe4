"""The part of the Learn section that lists what the training set holds."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.learning.training_sets import casesOf, countsText, rememberFolder, removeCase
from ResFormerSegLib.panel.chart.slice_table import fitTableHeight
from ResFormerSegLib.panel.widgets import makeButton, makeLabel, makeRow

ROW_HEIGHT, VISIBLE_ROWS = 24, 6
COLUMNS = ("id", "label", "split", "corrected_by", "added")


class CasesPart:
    """onChanged: called when another folder was chosen, or a case removed."""

    def __init__(self, layout, folder: str, onChanged: Callable[[], None]) -> None:
        self._onChanged = onChanged
        self.folder = folder
        self.folderLabel = makeLabel("learnFolder")
        self.chooseButton = makeButton(
            "learnChooseButton", _("Choose…"), _("Chooses the folder of the training set"), self.choose
        )
        self.openButton = makeButton(
            "learnOpenButton", _("Open folder"), _("Shows the folder in the file manager"), self.open
        )
        self.table = qt.QTableWidget()
        self.table.objectName = "learnCases"
        self.table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.connect("itemSelectionChanged()", self._onSelected)
        self.counts = makeLabel("learnCounts")
        self.removeButton = makeButton(
            "learnRemoveButton", _("Remove"), _("Deletes the selected case from the training set"), self.remove
        )
        layout.addWidget(self.folderLabel)
        layout.addWidget(makeRow(self.chooseButton, self.openButton))
        self._layout = layout

    def addTable(self) -> None:
        """Below what was added to the layout meanwhile."""
        for widget in (self.table, self.counts, self.removeButton):
            self._layout.addWidget(widget)

    def refresh(self) -> None:
        self.folderLabel.text = (
            _("Training set: {folder}").format(folder=self.folder)
            if self.folder
            else _("Choose a folder in which your corrected results are collected.")
        )
        self.openButton.enabled = bool(self.folder)
        cases, counts = [], ""
        if self.folder:
            try:
                cases, counts = casesOf(self.folder), countsText(self.folder)
            except ResFormerSegError as error:
                counts = f"{error.message} {error.hint}"
        self._fill(cases)
        self.counts.text = counts
        self.counts.visible = bool(counts)
        self._onSelected()

    def setFolder(self, folder: str) -> None:
        self.folder = folder
        rememberFolder(folder)
        self.refresh()
        self._onChanged()

    def choose(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Folder of the training set"), self.folder
        )
        if folder:
            self.setFolder(folder)

    def open(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(self.folder))

    def remove(self) -> None:
        name = self._selected()
        question = _("Delete {name} from the training set? Its image and mask are deleted from the folder.")
        if not name or not slicer.util.confirmOkCancelDisplay(question.format(name=name)):
            return
        try:
            removeCase(self.folder, name)
        except ResFormerSegError as error:
            self.counts.text = f"{error.message} {error.hint}"
            self.counts.visible = True
            return
        self.refresh()
        self._onChanged()

    def cleanup(self) -> None:
        self.table.disconnect("itemSelectionChanged()", self._onSelected)

    def _fill(self, cases: list[dict[str, str]]) -> None:
        wasBlocked = self.table.blockSignals(True)
        self.table.clear()
        self.table.setColumnCount(len(COLUMNS))
        self.table.setRowCount(len(cases))
        titles = [_("Case"), _("Diagnosis"), _("Split"), _("Confirmed by"), _("Added")]
        self.table.setHorizontalHeaderLabels(titles)
        for row, case in enumerate(cases):
            for column, name in enumerate(COLUMNS):
                text = case[name][:16].replace("T", " ") if name == "added" else case[name]
                self.table.setItem(row, column, qt.QTableWidgetItem(text))
        self.table.blockSignals(wasBlocked)
        self.table.visible = self.removeButton.visible = bool(cases)
        fitTableHeight(self.table, min(VISIBLE_ROWS, len(cases)), ROW_HEIGHT)

    def _selected(self) -> str:
        row = self.table.currentRow()
        item = self.table.item(row, 0) if row >= 0 else None
        return item.text() if item is not None and self.table.selectedItems() else ""

    def _onSelected(self) -> None:
        self.removeButton.enabled = bool(self._selected())
