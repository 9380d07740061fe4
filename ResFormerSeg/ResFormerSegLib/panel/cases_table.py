"""The table of the cases: sorted by a click on a column's title, and a case is chosen by a click on its row."""

from __future__ import annotations

from collections.abc import Callable

import qt

from ResFormerSegLib.cases.row import COLUMNS, FAILED, Row, sortedRows, textOf, titleOf, toolTipTextOf
from ResFormerSegLib.panel.chart.slice_table import fitTableHeight
from ResFormerSegLib.texts import toolTipOf
from ResFormerSegLib.timers import Later

ROW_HEIGHT, VISIBLE_ROWS = 24, 10
LONGEST_COLUMN = 170  # pixels, so that the next one can be seen in a narrow panel
RISING = ("title", "diagnosis", "probability")  # begin with the lowest, the others with the highest
_ROWS_A_STEP, _SORTING_MILLISECONDS = 20, 400
_UNRELIABLE, _FAILED = "#d98a00", "#cc3b33"  # visible on a light and on a dark background


class CasesTable:
    """onChosen: called with the row that was clicked."""

    def __init__(self, layout, onChosen: Callable[[Row], None]) -> None:
        self._onChosen = onChosen
        self._rows: list[Row] = []
        self._places: dict[Row, int] = {}
        self._column, self._isDescending = "", False
        self._toFill: list[tuple[int, Row]] = []
        self._filling = Later(self._fillSome)
        self._sorting = Later(self._sort, _SORTING_MILLISECONDS)
        self.table = qt.QTableWidget()
        self.table.objectName = "casesTable"
        self.table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        self.table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.setHorizontalScrollMode(qt.QAbstractItemView.ScrollPerPixel)
        self.table.setWordWrap(False)
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.setColumnCount(len(COLUMNS))
        self.table.setHorizontalHeaderLabels([titleOf(column) for column in COLUMNS])
        header = self.table.horizontalHeader()
        header.setSectionsClickable(True)
        header.setResizeContentsPrecision(VISIBLE_ROWS)  # all rows of a long list would take too long
        header.setSortIndicatorShown(False)
        header.connect("sectionClicked(int)", self._onTitle)
        self.table.connect("cellClicked(int,int)", self._onCell)
        self.table.connect("cellActivated(int,int)", self._onCell)
        layout.addWidget(self.table)
        self.show([])

    def show(self, rows: list[Row]) -> None:
        """Other rows, in the order that the user has chosen."""
        self._rows = sortedRows(rows, self._column, self._isDescending)
        self._fill()

    def update(self, row: Row) -> None:
        """A row that has changed; where it belongs now is found out a little later, once for many."""
        if row in self._places:
            self._fillRow(self._places[row], row)
            if self._column:
                self._sorting.start()

    def rows(self) -> list[Row]:
        """In the order of the table."""
        return list(self._rows)

    def sortBy(self, column: str, isDescending: bool) -> None:
        """column: of COLUMNS; empty for the order of the images."""
        self._column, self._isDescending = column, isDescending
        header = self.table.horizontalHeader()
        header.setSortIndicatorShown(bool(column))
        if column:
            order = qt.Qt.DescendingOrder if isDescending else qt.Qt.AscendingOrder
            header.setSortIndicator(COLUMNS.index(column), order)
        self._sort()

    def cleanup(self) -> None:
        header = self.table.horizontalHeader()
        header.disconnect("sectionClicked(int)", self._onTitle)
        self.table.disconnect("cellClicked(int,int)", self._onCell)
        self.table.disconnect("cellActivated(int,int)", self._onCell)
        self._filling.cleanup()
        self._sorting.cleanup()
        self._rows, self._places, self._toFill = [], {}, []

    def _onTitle(self, index: int) -> None:
        """Once, the other way round, and back to the order of the images."""
        column = COLUMNS[index]
        first = column not in RISING
        if column != self._column:
            self.sortBy(column, first)
        elif self._isDescending == first:
            self.sortBy(column, not first)
        else:
            self.sortBy("", False)

    def _onCell(self, row: int, column: int) -> None:
        if 0 <= row < len(self._rows):
            self._onChosen(self._rows[row])

    def _sort(self) -> None:
        inOrder = sortedRows(self._rows, self._column, self._isDescending)
        if inOrder == self._rows:
            return
        chosen = self.table.currentRow()
        selected = self._rows[chosen] if 0 <= chosen < len(self._rows) and self.table.selectedItems() else None
        self._rows = inOrder
        self._fill()
        if selected is not None:
            self.table.selectRow(self._places[selected])

    def _fill(self) -> None:
        """The rows in sight at once, the others from the event loop: a thousand of them take a while."""
        self._places = {row: place for place, row in enumerate(self._rows)}
        if self.table.rowCount != len(self._rows):
            self.table.clearSelection()
            self.table.setRowCount(len(self._rows))
        self.table.visible = bool(self._rows)
        self._toFill = list(enumerate(self._rows))
        self._fillSome()
        self.table.resizeColumnsToContents()
        for index in range(len(COLUMNS)):
            if self.table.columnWidth(index) > LONGEST_COLUMN:
                self.table.setColumnWidth(index, LONGEST_COLUMN)
        fitTableHeight(self.table, min(VISIBLE_ROWS, len(self._rows)), ROW_HEIGHT)

    def _fillSome(self) -> None:
        some, self._toFill = self._toFill[:_ROWS_A_STEP], self._toFill[_ROWS_A_STEP:]
        for place, row in some:
            self._fillRow(place, row)
        if self._toFill:
            self._filling.start()

    def _fillRow(self, place: int, row: Row) -> None:
        toolTip = toolTipOf(toolTipTextOf(row))
        for index, column in enumerate(COLUMNS):
            item = self.table.item(place, index)
            if item is None:
                item = qt.QTableWidgetItem()
                self.table.setItem(place, index, item)
            item.setText(textOf(row, column))
            item.setToolTip(toolTip)
            color = _colorOf(row, column)
            item.setData(qt.Qt.ForegroundRole, qt.QBrush(qt.QColor(color)) if color else None)


def _colorOf(row: Row, column: str) -> str:
    """Empty for that of the application."""
    if row.state == FAILED:
        return _FAILED
    isDoubtful = row.facts is not None and bool(row.facts.reasons or row.facts.alerts)
    return _UNRELIABLE if isDoubtful and column in ("diagnosis", "alerts") else ""
