"""Gives a chart the colours of the application's style: the view's own cream blinds in a dark one."""

from __future__ import annotations

import qt
import slicer


def fitChartColors(view) -> None:
    """view: a qMRMLPlotView. It sets its background only once, when it is made, and leaves the other colours alone."""
    palette = slicer.app.palette()
    background, text = palette.color(qt.QPalette.Base), palette.color(qt.QPalette.Text)
    chart = view.chart()
    chart.GetBackgroundBrush().SetColor(*_bytes(background), 255)
    for index in range(chart.GetNumberOfAxes()):
        axis = chart.GetAxis(index)
        axis.GetPen().SetColor(*_bytes(text), 255)
        axis.GetGridPen().SetColor(*_bytes(text), 40)
        for words in (axis.GetTitleProperties(), axis.GetLabelProperties()):
            words.SetColor(*(part / 255 for part in _bytes(text)))
    if view.visible:
        view.renderWindow().Render()


def _bytes(color) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()
