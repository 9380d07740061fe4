"""Curves of a training, epoch by epoch, in a plot view of the panel."""

from __future__ import annotations

import math

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.panel.chart.hidden_nodes import HiddenNodes
from ResFormerSegLib.panel.chart.styling import CLASS_COLORS, LegendEntry, fitChartColors, legendText

EPOCH = "epoch"
CURVES = ("train_loss", "val_dice", "val_auc")  # of metrics.csv; those that a training has
HEIGHT = 170  # pixels


class LearningCurves:
    """The nodes are the module's own: hidden, never saved, removed with `clear`. view: a qMRMLPlotView."""

    def __init__(self, view) -> None:
        self._view = view
        self._nodes = HiddenNodes()
        self._table = self._chart = None
        self._names: tuple[str, ...] = ()
        self._shown = 0

    def show(self, rows: list[dict[str, float]]) -> str:
        """rows: metrics by name, one row an epoch. Returns the legend, rich text; empty without rows."""
        names = tuple(name for name in CURVES if any(name in row for row in rows))
        if not names:
            self.clear()
            return ""
        if names != self._names or self._nodes.areGone():
            self.clear()
            self._make(names)
        if len(rows) != self._shown:
            self._shown = len(rows)
            self._fill(rows)
        values = legendText(self._legend(rows[-1]), None, str)
        return _("Epoch {number}: {values}").format(number=int(rows[-1][EPOCH]), values=values)

    def clear(self) -> None:
        """Also when the scene was closed meanwhile and the nodes are gone."""
        self._view.setMRMLPlotViewNode(None)
        self._nodes.remove()
        self._names, self._shown = (), 0
        self._table = self._chart = None

    def _make(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._table = self._nodes.add(slicer.vtkMRMLTableNode(), "ResFormerSeg learning")
        self._fill([{EPOCH: 0.0}])
        self._chart = self._nodes.add(slicer.vtkMRMLPlotChartNode(), _("Training"))
        for name, color in zip(names, CLASS_COLORS, strict=False):
            rgb = [part / 255 for part in color]
            series = self._nodes.addSeries(_titles()[name], self._table, EPOCH, name, rgb)
            series.SetMarkerStyle(series.MarkerStyleCircle)
            series.SetMarkerSize(5)
            self._chart.AddAndObservePlotSeriesNodeID(series.GetID())
        self._chart.SetLegendVisibility(False)
        self._chart.SetTitleVisibility(False)
        self._chart.SetXAxisTitle(_("Epoch"))
        self._chart.SetYAxisTitle(_("Loss, Dice, AUC"))
        self._chart.SetAxisTitleFontSize(12)
        self._chart.SetAxisLabelFontSize(11)
        view = self._nodes.addView(self._chart)
        fitChartColors(self._view)
        self._view.setMRMLPlotViewNode(view)

    def _fill(self, rows: list[dict[str, float]]) -> None:
        """In one change of the table: a plot would draw an empty one, and complain of it."""
        import numpy as np

        rows = rows if len(rows) > 1 else rows * 2  # VTK complains of a line with one point
        columns = {name: np.array([row.get(name, math.nan) for row in rows]) for name in (EPOCH, *self._names)}
        modified = self._table.StartModify()
        slicer.util.updateTableFromArray(self._table, list(columns.values()), list(columns))
        self._table.EndModify(modified)

    def _legend(self, row: dict[str, float]) -> list[LegendEntry]:
        texts = {name: f"{_titles()[name]} {row[name]:.2f}" if name in row else _titles()[name] for name in self._names}
        return [LegendEntry(texts[name], color, {}) for name, color in zip(self._names, CLASS_COLORS, strict=False)]


def _titles() -> dict[str, str]:
    return {"train_loss": _("Loss"), "val_dice": _("Dice (validation)"), "val_auc": _("AUC (validation)")}
