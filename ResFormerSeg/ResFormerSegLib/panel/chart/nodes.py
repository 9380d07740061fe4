"""The nodes of the per-slice charts: tables, plot series, plot charts and the plot views that show them.

Two charts over one axis of slices: the probability of each class, from 0 to 1, and the segmented area, in its own unit.
The nodes are the module's own: hidden, never saved (the report that they are drawn from is), made for each result.
"""

from __future__ import annotations

import math

import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.panel.chart.hidden_nodes import HiddenNodes
from ResFormerSegLib.panel.chart.styling import CLASS_COLORS, LegendEntry
from ResFormerSegLib.texts import namesOfClasses

SLICE, PROBABILITY, AREA = "slice", "probability", "area"  # columns of the tables, the latter two with a number
HEADROOM = 1.08  # so that the highest point is not cut by the frame


class ChartNodes:
    """`probabilityView` and `areaView` are plot view nodes; None where the result has no such values.

    >>> nodes = ChartNodes()
    >>> nodes.show(result.report)
    >>> plotView.setMRMLPlotViewNode(nodes.probabilityView)
    >>> nodes.showAllSlices()             # after the user has zoomed
    >>> nodes.remove()
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self.probabilityView = self.areaView = None
        self.probabilityLegend: list[LegendEntry] = []
        self.areaLegend: list[LegendEntry] = []
        self._xTitle = ""
        self._nodes = HiddenNodes()
        self._charts: list = []
        self._ranges: list[tuple[float, float, float]] = []  # of each chart: leftmost, rightmost, top

    def show(
        self, report: dict, classNames: dict[str, str] | None = None, xTitle: str = "", sizeTitle: str = ""
    ) -> None:
        """Replaces what was shown. classNames: by class id, where the model's description gives them.

        xTitle, sizeTitle: of the axes, for something else than the areas of slices.
        """
        self.remove()
        self._xTitle = xTitle
        rows = report["slices"]
        self.probabilityLegend = _probabilities(report, classNames)
        self.areaLegend = _areas(report)
        sizes = [value for entry in self.areaLegend for value in entry.values.values() if math.isfinite(value)]
        highest = max(sizes, default=0.0)
        legends = ((PROBABILITY, self.probabilityLegend), (AREA, self.areaLegend))
        columns = {SLICE: [row["index"] for row in rows]}
        for kind, legend in legends:
            for number, entry in enumerate(legend):
                columns[f"{kind}{number}"] = [entry.values.get(row["index"], math.nan) for row in rows]
        self._values = self._addTable(columns)
        if self.probabilityLegend:
            self.probabilityView = self._addChart(
                PROBABILITY, self.probabilityLegend, _("Probability"), report, highest=1.0
            )
        if self.areaLegend:
            title = sizeTitle or (_("Area (mm²)") if hasMillimetres(rows) else _("Area (pixels)"))
            self.areaView = self._addChart(AREA, self.areaLegend, title, report, highest or 1.0)

    def showAllSlices(self) -> None:
        """Keys and mouse buttons can zoom and pan a chart, and there is no button to undo that."""
        for chart, (left, right, top) in zip(self._charts, self._ranges, strict=True):
            if (chart.GetXAxisRange(), chart.GetYAxisRange()) != ((left, right), (0.0, top)):
                modified = chart.StartModify()
                chart.SetXAxisRange(left, right)
                chart.SetYAxisRange(0.0, top)
                chart.EndModify(modified)

    def remove(self) -> None:
        """Also when the scene was closed meanwhile and the nodes are gone."""
        self._nodes.remove()
        self._forget()

    def _addChart(self, kind: str, legend: list[LegendEntry], yTitle: str, report: dict, highest: float):
        indices = [row["index"] for row in report["slices"]]
        chart = self._nodes.add(slicer.vtkMRMLPlotChartNode(), yTitle)
        for number, entry in enumerate(legend):
            color = [part / 255 for part in entry.color]
            series = self._nodes.addSeries(entry.name, self._values, SLICE, f"{kind}{number}", color)
            series.SetMarkerStyle(series.MarkerStyleCircle)
            series.SetMarkerSize(7 if len(indices) <= 60 else 3)
            chart.AddAndObservePlotSeriesNodeID(series.GetID())
        chart.SetLegendVisibility(False)
        chart.SetTitleVisibility(False)
        plane = self._xTitle or _("Slice ({plane})").format(plane=planeName(report["slice_axis"]["plane"]))
        chart.SetXAxisTitle(plane)
        chart.SetYAxisTitle(yTitle)
        chart.SetAxisTitleFontSize(12)
        chart.SetAxisLabelFontSize(11)
        chart.SetXAxisRangeAuto(False)
        chart.SetYAxisRangeAuto(False)
        left, right, top = min(indices) - 0.5, max(indices) + 0.5, HEADROOM * highest
        chart.SetXAxisRange(left, right)
        chart.SetYAxisRange(0.0, top)
        self._charts.append(chart)
        self._ranges.append((left, right, top))
        view = self._nodes.addView(chart)
        view.SetInteractionMode(view.InteractionModeSelectPoints)  # panning would move the chart out of view
        return view

    def _addTable(self, columns: dict[str, list]):
        table = self._nodes.add(slicer.vtkMRMLTableNode(), "ResFormerSeg chart")
        _fill(table, columns)
        return table


def _fill(table, columns: dict[str, list]) -> None:
    import numpy as np

    slicer.util.updateTableFromArray(table, [np.array(values, float) for values in columns.values()], list(columns))


def _probabilities(report: dict, classNames: dict[str, str] | None) -> list[LegendEntry]:
    rows = [(row["index"], row.get("probabilities") or {}) for row in report["slices"]]
    return [
        LegendEntry(
            name,
            CLASS_COLORS[number % len(CLASS_COLORS)],
            {index: probabilities[label] for index, probabilities in rows if label in probabilities},
        )
        for number, (label, name) in enumerate(namesOfClasses(report, classNames).items())
    ]


def _areas(report: dict) -> list[LegendEntry]:
    """In mm² or, where pixels have no size, in pixels."""
    rows = report["slices"]
    entry = "area_mm2" if hasMillimetres(rows) else "voxels"
    return [
        LegendEntry(
            segment["name"],
            tuple(segment["color"]),
            {row["index"]: float((row.get(entry) or {}).get(segment["id"], 0)) for row in rows},
        )
        for segment in report["segments"]
    ]


def hasMillimetres(rows: list[dict]) -> bool:
    """Whether the slices' areas are in mm²; the pixels of a 2D image may have no known size."""
    return any(row.get("area_mm2") for row in rows)


def planeName(plane: str) -> str:
    names = {"axial": _("axial"), "coronal": _("coronal"), "sagittal": _("sagittal"), "picture": _("2D image")}
    return names.get(plane, plane)
