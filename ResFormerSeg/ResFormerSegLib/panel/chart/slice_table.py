"""Measurements of the segments: a line of totals, and a table of the slices that contain them."""

from __future__ import annotations

import html
from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ResFormerSegLib.panel.chart.nodes import hasMillimetres
from ResFormerSegLib.texts import millilitresText, namesOfClasses, percentText, wholeText

VISIBLE_ROWS, ROW_HEIGHT = 7, 24


class SliceTable:
    """Calls `onSlice` with the index of the slice whose row the user selects, with the mouse or the keyboard."""

    def __init__(self, layout, onSlice: Callable[[int], None]) -> None:
        self._onSlice = onSlice
        self._indices: list[int] = []
        self.totals = qt.QLabel()
        self.totals.objectName = "sliceTotals"
        self.totals.wordWrap = True
        self.totals.textFormat = qt.Qt.RichText
        self.totals.textInteractionFlags = qt.Qt.TextSelectableByMouse
        self.table = qt.QTableWidget()
        self.table.objectName = "sliceTable"
        self.table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        self.table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        self.table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.verticalHeader().setVisible(False)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.toolTip = _("Select a row to show the slice. Slices are counted from 0, as in the Data Probe.")
        self.table.horizontalScrollBar().connect("rangeChanged(int,int)", self._fitHeight)
        self.table.connect("cellClicked(int,int)", self._onCellClicked)
        self.table.connect("itemSelectionChanged()", self._onSelectionChanged)
        for widget in (self.totals, self.table):
            layout.addWidget(widget)
        self.clear()

    def show(self, report: dict, classNames: dict[str, str] | None = None) -> None:
        """Lists the slices with segments; all slices for a model without segmentation."""
        segments, rows = report["segments"], report["slices"]
        listed = [row for row in rows if any((row.get("voxels") or {}).values())] if segments else rows
        self.totals.text = _totals(report)
        self.totals.visible = bool(segments)
        self._fill(listed, _columns(report, classNames))

    def _fill(self, listed: list[dict], columns: list[tuple[str, Callable[[dict], str]]]) -> None:
        """columns: title, and text of a row."""
        wasBlocked = self.table.blockSignals(True)
        self.table.clear()
        self.table.setColumnCount(len(columns))
        self.table.setRowCount(len(listed))
        self.table.setHorizontalHeaderLabels([title for title, text in columns])
        for number, row in enumerate(listed):
            for column, (_title, text) in enumerate(columns):
                item = qt.QTableWidgetItem(text(row))
                item.setTextAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
                self.table.setItem(number, column, item)
        self.table.resizeColumnsToContents()
        self.table.blockSignals(wasBlocked)
        self._indices = [row["index"] for row in listed]
        self.table.visible = bool(listed)
        self._fitHeight()

    def mark(self, index: int | None) -> None:
        """Selects the slice's row, without calling `onSlice`."""
        wasBlocked = self.table.blockSignals(True)
        if index in self._indices:
            row = self._indices.index(index)
            self.table.selectRow(row)
            self.table.scrollToItem(self.table.item(row, 0))
        else:
            self.table.clearSelection()
        self.table.blockSignals(wasBlocked)

    def clear(self) -> None:
        self._indices = []
        self.table.setRowCount(0)
        self.table.visible = self.totals.visible = False

    def _fitHeight(self) -> None:
        """As low as possible: the panel scrolls, and a tall table would hide what is below."""
        fitTableHeight(self.table, min(len(self._indices), VISIBLE_ROWS), ROW_HEIGHT)

    def _onCellClicked(self, row: int, column: int) -> None:
        self._choose(row)

    def _onSelectionChanged(self) -> None:
        """The arrow keys move the selection, too."""
        self._choose(self.table.currentRow())

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._indices):
            self._onSlice(self._indices[row])


def fitTableHeight(table, rows: int, rowHeight: int) -> None:
    """Fits the header, that many rows and, if the columns are wider than the table, the scroll bar.

    The table is a part of the panel: Tab leaves it, arrow keys move in it, and a high panel does not pad its section.
    """
    table.setTabKeyNavigation(False)
    table.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
    scrollBar = table.horizontalScrollBar()
    bar = scrollBar.sizeHint.height() if scrollBar.maximum > scrollBar.minimum else 0
    header = table.horizontalHeader().sizeHint.height()
    table.setFixedHeight(int(header + rows * rowHeight + bar + 2 * table.frameWidth))


def _columns(report: dict, classNames: dict[str, str] | None) -> list[tuple[str, Callable[[dict], str]]]:
    """(title, text of a row) for each column."""
    columns: list[tuple[str, Callable[[dict], str]]] = []
    if [row["index"] for row in report["slices"]] != [0]:  # a single slice needs no number
        columns.append((_("Slice"), lambda row: str(row["index"])))
    several = len(report["segments"]) > 1
    for segment in report["segments"]:
        name = f"{segment['name']}\n" if several else ""
        if hasMillimetres(report["slices"]):
            columns.append((name + _("area (mm²)"), _valueOf("area_mm2", segment["id"], 0)))
            columns.append((name + _("diameter (mm)"), _valueOf("longest_diameter_mm", segment["id"], 1)))
        else:
            columns.append((name + _("area (pixels)"), _valueOf("voxels", segment["id"], 0)))
    names = namesOfClasses(report, classNames)
    if names:
        columns.append((_("Most probable"), lambda row: mostProbable(row, names)))
    return columns


def _valueOf(entry: str, segmentId: str, decimals: int) -> Callable[[dict], str]:
    def text(row: dict) -> str:
        value = (row.get(entry) or {}).get(segmentId)
        if not value:
            return "–"
        return f"{value:.{decimals}f}" if decimals else wholeText(value)

    return text


def mostProbable(row: dict, names: dict[str, str]) -> str:
    probabilities = row.get("probabilities") or {}
    if not probabilities:
        return "–"
    label = max(probabilities, key=probabilities.get)
    return _("{name}, {percent}").format(name=names.get(label, label), percent=percentText(probabilities[label]))


def _totals(report: dict) -> str:
    lines = [_total(segment, report["slices"]) for segment in report["segments"] if segment["voxels"]]
    return "<br>".join(lines) if lines else _("Nothing was segmented.")


def _total(segment: dict, rows: list[dict]) -> str:
    parts = []
    if segment.get("volume_mm3") is None:
        parts.append(_("{count} pixels; the pixel size is unknown").format(count=wholeText(segment["voxels"])))
    elif len(rows) > 1:
        parts.append(_("volume {volume}").format(volume=millilitresText(segment["volume_mm3"])))
    if segment.get("longest_diameter_mm"):
        parts.append(_("longest in-plane diameter {length} mm").format(length=f"{segment['longest_diameter_mm']:.1f}"))
    if len(rows) > 1:
        found = sum(bool((row.get("voxels") or {}).get(segment["id"])) for row in rows)
        parts.append(_("in {found} of {all} slices").format(found=found, all=len(rows)))
    return _("<b>{name}</b>: {sizes}").format(name=html.escape(segment["name"]), sizes=", ".join(parts))
