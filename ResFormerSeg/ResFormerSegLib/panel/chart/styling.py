"""The look of the charts: their colours, and the legend above them.

A chart's own legend would cover a third of the chart in a panel of this width.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass

import qt
import slicer
from slicer.i18n import tr as _

# Okabe and Ito's colours, which the colour-blind can distinguish; their yellow is too pale for a white background.
CLASS_COLORS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233))


@dataclass(frozen=True)
class LegendEntry:
    """color: red, green, blue, 0 to 255. values: by index of the slice; missing where there is none."""

    name: str
    color: tuple[int, int, int]
    values: dict[int, float]


def legendText(
    entries: list[LegendEntry], index: int | None, format: Callable[[float], str], sentence: str = ""
) -> str:
    """Rich text. index: of the slice that is shown, None without one. format: writes a value. sentence: with {index}
    and {values}, for a chart of something else than slices."""
    parts = []
    for entry in entries:
        bullet = "<span style='color: rgb({}, {}, {})'>●</span>".format(*entry.color)
        value = entry.values.get(index) if index is not None else None
        text = f"{bullet}&nbsp;{html.escape(entry.name)}"
        parts.append(text if value is None else f"{text} <b>{html.escape(format(value))}</b>")
    line = " &nbsp; ".join(parts)
    return line if index is None else (sentence or _("Slice {index}: {values}")).format(index=index, values=line)


def fitChartColors(view) -> None:
    """Gives the chart of a qMRMLPlotView the colours of the application's style.

    The view sets its background only once, when it is made, to a cream that blinds in a dark style.
    """
    palette = slicer.app.palette()
    background, text = palette.color(qt.QPalette.Base), palette.color(qt.QPalette.Text)
    chart = view.chart()
    chart.GetBackgroundBrush().SetColor(*_bytes(background), 255)
    for index in range(chart.GetNumberOfAxes()):
        axis = chart.GetAxis(index)
        axis.GetPen().SetColor(*_bytes(text), 255)
        axis.GetGridPen().SetColor(*_bytes(text), 40)
        for properties in (axis.GetTitleProperties(), axis.GetLabelProperties()):
            properties.SetColor(*(part / 255 for part in _bytes(text)))
    if view.visible:
        view.renderWindow().Render()


def _bytes(color) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()
