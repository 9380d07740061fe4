"""A row for each frame of a sequence: its time, the size of each segment, the most probable class, a heart's phase."""

from __future__ import annotations

import math

from slicer.i18n import tr as _

from ResFormerSegLib.panel.chart.slice_table import SliceTable, mostProbable
from ResFormerSegLib.texts import namesOfClasses


class FrameTable(SliceTable):
    """Calls `onSlice` with the number of the frame whose row the user selects."""

    def show(self, report: dict, classNames: dict[str, str] | None = None) -> None:
        """report: as of `chartReport`."""
        self.table.toolTip = _("Select a row to show the frame. Frames are counted from 0.")
        columns = [(_("Frame"), lambda row: str(row["index"]))]
        if report["phases"]:
            columns.append((_("Phase"), lambda row: report["phases"].get(row["index"], "")))
        if any(row["time_s"] is not None for row in report["slices"]):
            columns.append((_("Time (s)"), lambda row: _number(row["time_s"], 3)))
        for segment in report["segments"]:
            columns.append((f"{segment['name']}\n({report['unit']})", _sizeOf(segment["id"])))
        if names := namesOfClasses(report, classNames):
            columns.append((_("Most probable"), lambda row: mostProbable(row, names)))
        if any(row["message"] for row in report["slices"]):
            columns.append((_("Failed"), lambda row: row["message"]))
        self._fill(report["slices"], columns)


def _sizeOf(segmentId: str):
    return lambda row: _number(row["voxels"].get(segmentId), 1)


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{decimals}f}"
