"""The result of a sequence over time: charts of probability and size per frame, and a table. Clicks show a frame."""

from __future__ import annotations

import math

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ResFormerSegLib.panel.chart.frame_table import FrameTable
from ResFormerSegLib.panel.chart.marker import SliceMarker
from ResFormerSegLib.panel.chart.slice_chart import SliceChart
from ResFormerSegLib.panel.chart.styling import legendText
from ResFormerSegLib.runs.sequence_import import sizeOf
from ResFormerSegLib.texts import percentText

PHASE_STYLES = ("background: rgba(0, 158, 115, 220);", "background: rgba(213, 94, 0, 220);")  # as of CLASS_COLORS


class FrameChart(SliceChart, VTKObservationMixin):
    """As `SliceChart`, with the frames of a sequence in place of slices; the marker follows the sequence browser."""

    tableClass = FrameTable

    def __init__(self, parentWidget) -> None:
        VTKObservationMixin.__init__(self)
        self._source = None  # a VolumeSequence
        self._phaseMarkers: list[SliceMarker] = []
        SliceChart.__init__(self, parentWidget)
        self.hint.text = _("After a run over all frames, this section shows the result frame by frame.")

    def showFrames(self, result, source, classNames: dict[str, str] | None = None) -> None:
        """result: a SequenceResult. source: the VolumeSequence of its input; None if it was deleted."""
        self.clear()
        self._report, self._source = chartReport(result), source
        self.hint.visible = False
        self.table.show(self._report, classNames)
        if slicer.app.layoutManager() is not None:
            sizeTitle = _("Size ({unit})").format(unit=self._report["unit"])
            self._nodes.show(self._report, classNames, _("Frame"), sizeTitle)
            self._showPlots()
            self._markPhases()
        self._follow()

    def clear(self) -> None:
        self.removeObservers()
        self._source = None
        for marker in self._phaseMarkers:
            marker.mark(None)
        SliceChart.clear(self)

    def cleanup(self) -> None:
        for marker in self._phaseMarkers:
            marker.cleanup()
        SliceChart.cleanup(self)
        self._phaseMarkers = []

    def _markPhases(self) -> None:
        """A line at end-diastole and one at end-systole, in the chart of the sizes."""
        if not self._phaseMarkers and self._report["phases"]:
            for name, style in zip(("diastole", "systole"), PHASE_STYLES, strict=True):
                marker = SliceMarker(self._views[1], f"{name}Marker")
                marker.line.styleSheet = style
                self._phaseMarkers.append(marker)
        frames = list(self._report["phases"]) or [None, None]
        for marker, frame in zip(self._phaseMarkers, frames, strict=False):
            marker.mark(frame)

    def _showLegends(self, index: int | None) -> None:
        if not self._legends:
            return
        sentence = _("Frame {index}: {values}")
        self._legends[0].text = legendText(self._nodes.probabilityLegend, index, percentText, sentence)
        unit = self._report["unit"]
        self._legends[1].text = legendText(
            self._nodes.areaLegend, index, lambda size: f"{size:.1f} {unit}" if math.isfinite(size) else "–", sentence
        )

    def _follow(self) -> None:
        self.removeObservers()
        browser = self._source.browser if self._active and self._source is not None else None
        if browser is not None:
            self.addObserver(browser, vtk.vtkCommand.ModifiedEvent, self._onBrowsed)
            self._onBrowsed()

    def _onBrowsed(self, caller=None, event=None) -> None:
        index = self._source.selected() if self._source is not None else -1
        if index != self.marked and index in [row["index"] for row in self._report["slices"]]:
            self._mark(index)

    def _jump(self, index: int) -> None:
        if self._source is not None:
            self._source.select(index)


def chartReport(result) -> dict:
    """The frames of a sequence in the form of a report's slices; sizes in the unit of the entry `unit`.

    A frame that failed has sizes that are NaN, and says why in `message`.
    Of a heart the probabilities of single frames are left out: its diagnosis comes from both phases.
    """
    report, heart = result.report, result.heart
    measure, unit, factor = sizeOf(report)
    rows = []
    for row in report["frames"]:
        figures = row["segments"]
        sizes = {
            segment["id"]: _scaled(figures.get(segment["id"], {}).get(measure), factor)
            for segment in report["segments"]
        }
        probabilities = {} if heart else row["probabilities"]
        rows.append(
            {"index": row["index"], "time_s": row["time_s"], "probabilities": probabilities, "voxels": sizes,
             "area_mm2": None, "message": row.get("message", "")}
        )  # fmt: skip
    probabilities = next((dict(row["probabilities"]) for row in rows if row["probabilities"]), {})
    phases = {heart["end_diastole"]: _("end-diastole"), heart["end_systole"]: _("end-systole")} if heart else {}
    return {
        "slices": rows,
        "segments": report["segments"],
        "diagnosis": {"probabilities": probabilities} if probabilities else None,
        "slice_axis": {"plane": "", "array_axis": 0},
        "unit": unit,
        "phases": phases,
    }


def _scaled(value: float | None, factor: float) -> float:
    return math.nan if value is None else value * factor
