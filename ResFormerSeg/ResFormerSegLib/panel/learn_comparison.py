"""The part of the Learn section that compares the new model with the old one; only then it can be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.learning.training_sets import fewCasesText
from ResFormerSegLib.models.catalog import readModel
from ResFormerSegLib.panel.chart.slice_table import fitTableHeight
from ResFormerSegLib.panel.learn_texts import figureName, verdictText
from ResFormerSegLib.panel.widgets import makeButton, makeLabel
from ResFormerSegLib.texts import toolTipOf

ROW_HEIGHT, WORST_ROWS = 24, 5


class ComparisonPart:
    """onUse: called with the folder of the new model when the user wants it in the list."""

    def __init__(self, layout, logic, onUse: Callable[[str], None]) -> None:
        self._logic = logic
        self._onUse = onUse
        self._program = None
        self._new = self._old = self._set = ""
        self._comparison: dict | None = None
        self.widget = qt.QWidget()
        self.widget.objectName = "learnComparison"
        own = qt.QVBoxLayout(self.widget)
        own.setContentsMargins(0, 0, 0, 0)
        self.compareButton = makeButton("learnCompareButton", _("Compare"), "", self.compare)
        self.status = makeLabel("learnComparisonStatus")
        self.table = self._makeTable("learnFigures")
        self.worstTitle = makeLabel("learnWorstTitle")
        self.worst = self._makeTable("learnWorst")
        self.worst.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.worst.toolTip = _("Click a case to load its image and mask into the scene")
        self.worst.connect("cellClicked(int,int)", self._onWorst)
        self.fewCases = makeLabel("learnFewCases")
        self.useButton = makeButton(
            "learnUseButton",
            _("Use this model"),
            _("Adds the new model to the list of models and selects it"),
            self.use,
        )
        widgets = (self.compareButton, self.status, self.table, self.worstTitle, self.worst, self.fewCases)
        for widget in (*widgets, self.useButton):
            own.addWidget(widget)
        layout.addWidget(self.widget)
        self.refresh()

    def showTrained(self, newFolder: str, oldReference: str, setFolder: str) -> None:
        """setFolder: of the training set that the new model was trained on. Another set that is chosen later may hold
        other cases of the same names, and the new model may know the patients of its test cases."""
        self._stop()
        self._new, self._old, self._set, self._comparison = newFolder, oldReference, setFolder, None
        self._say("")
        self.refresh()

    def refresh(self) -> None:
        self.widget.visible = bool(self._new)
        running, compared = self._program is not None, self._comparison is not None
        self.compareButton.enabled = not running
        text = _("Runs the old and the new model on the cases of the split “test” of {folder}")
        self.compareButton.toolTip = toolTipOf(text.format(folder=self._set))
        self.table.visible = self.worst.visible = self.worstTitle.visible = compared
        self.useButton.visible = compared
        text = self._fewCases() if compared else ""
        self.fewCases.text = text
        self.fewCases.visible = bool(text)

    def compare(self) -> None:
        if self._program is not None:
            return
        self._comparison = None
        self._say(_("Comparing…"))
        self._program = self._logic.compareModels(self._set, self._old, self._new, wait=False)
        self._program.onProgress = self._onProgress
        self._program.onFinished, self._program.onFailed = self._onFinished, self._onFailed
        self.refresh()

    def use(self) -> None:
        if self._comparison is not None:
            self._onUse(self._new)

    def cleanup(self) -> None:
        self._stop()
        self.worst.disconnect("cellClicked(int,int)", self._onWorst)

    def _onProgress(self, task: str, done: int, total: int) -> None:
        self._say(_("Comparing: case {done} of {total}").format(done=done, total=total))

    def _onFinished(self, event: dict) -> None:
        self._program, self._comparison = None, event["comparison"]
        self._say(verdictText(self._comparison))
        self._fill()
        self.refresh()

    def _onFailed(self, error: ResFormerSegError) -> None:
        """Without held-out cases nothing can be compared: the model may be used, but nobody knows how good it is."""
        self._program = None
        self._say(f"{error.message} {error.hint}".strip())
        self.refresh()

    def _fill(self) -> None:
        rows = self._comparison["figures"]
        self.table.setColumnCount(3)
        self.table.setRowCount(len(rows))
        self.table.setHorizontalHeaderLabels([_("Old"), _("New"), _("Difference")])
        self.table.setVerticalHeaderLabels([figureName(row["figure"]) for row in rows])
        for number, row in enumerate(rows):
            for column, (name, sign) in enumerate((("first", ""), ("second", ""), ("difference", "+"))):
                span = row[f"{name}_interval"]
                text = f"{row[name]:{sign}.3f}" + (f" ({span[0]:.2f} … {span[1]:.2f})" if span else "")
                item = qt.QTableWidgetItem(text)
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                self.table.setItem(number, column, item)
        self.table.resizeColumnsToContents()
        fitTableHeight(self.table, len(rows), ROW_HEIGHT)
        self._fillWorst(self._comparison["cases"][:WORST_ROWS])

    def _fillWorst(self, cases: list[dict]) -> None:
        self.worstTitle.text = _("Worst cases of the new model (click to load):")
        self.worst.setColumnCount(3)
        self.worst.setRowCount(len(cases))
        self.worst.setHorizontalHeaderLabels([_("Case"), _("Dice, old → new"), _("Right diagnosis, old → new")])
        self.worst.verticalHeader().setVisible(False)
        for number, row in enumerate(cases):
            texts = [row["case"]]
            for name in ("dice", "probability"):
                both = [row[f"{name}_first"], row[f"{name}_second"]]
                texts.append(" → ".join("–" if value is None else f"{value:.2f}" for value in both))
            for column, text in enumerate(texts):
                self.worst.setItem(number, column, qt.QTableWidgetItem(text))
        self.worst.resizeColumnsToContents()
        fitTableHeight(self.worst, len(cases), ROW_HEIGHT)

    def _onWorst(self, row: int, column: int) -> None:
        name = self.worst.item(row, 0).text()
        # Else Slicer takes the numbered images of all patients for the slices of one volume.
        image, mask = {"name": name, "singleFile": True}, {"name": name}
        for kind, load, how in (
            ("images", slicer.util.loadVolume, image),
            ("masks", slicer.util.loadSegmentation, mask),
        ):
            for file in sorted((Path(self._set) / kind).glob(f"{name}.*"))[:1]:
                try:
                    load(str(file), how)
                except RuntimeError as error:
                    self._say(_("{name} could not be loaded: {reason}").format(name=name, reason=error))

    def _fewCases(self) -> str:
        try:
            data = readModel(self._new).descriptor["training"]["data"]
        except ResFormerSegError:  # moved or deleted meanwhile
            return ""
        return fewCasesText(data[0]["cases"])

    def _stop(self) -> None:
        program, self._program = self._program, None
        if program is not None:
            program.stop()

    def _makeTable(self, name: str):
        table = qt.QTableWidget()
        table.objectName = name
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().setStretchLastSection(True)
        return table

    def _say(self, text: str) -> None:
        self.status.text = text
        self.status.visible = bool(text)
