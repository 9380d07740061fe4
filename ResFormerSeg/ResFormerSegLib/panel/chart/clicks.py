"""Clicks on a plot view, as positions on its horizontal axis.

The view's own signal `dataSelected` does not serve: it is emitted when points were framed with the mouse, not when one
is clicked, and a point of a few pixels is hard to hit. Therefore any position inside the axes counts.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import vtk

STEADY_PIXELS = 4  # a mouse that moved further between press and release did not click


class ChartClicks:
    """Calls `onClicked` with the horizontal coordinate of each click.

    chart: the vtkChartXY of the view. interactor: of its render window.
    """

    def __init__(self, chart, interactor, onClicked: Callable[[float], None]) -> None:
        self._chart, self._interactor, self._onClicked = chart, interactor, onClicked
        self._pressed: tuple[int, int] | None = None
        priority = 1.0  # before the chart itself, which may redraw
        self._tags = [
            interactor.AddObserver(vtk.vtkCommand.LeftButtonPressEvent, self._onPress, priority),
            interactor.AddObserver(vtk.vtkCommand.LeftButtonReleaseEvent, self._onRelease, priority),
        ]

    @classmethod
    def ofView(cls, plotView, onClicked: Callable[[float], None]) -> ChartClicks:
        """plotView: a qMRMLPlotView."""
        importlib.import_module("vtkmodules.vtkChartsCore")  # else chart() gives an object without a chart's methods
        chart = plotView.chart()
        return cls(chart, chart.GetScene().GetRenderer().GetRenderWindow().GetInteractor(), onClicked)

    def stop(self) -> None:
        for tag in self._tags:
            self._interactor.RemoveObserver(tag)
        self._tags = []

    def _onPress(self, caller, event) -> None:
        self._pressed = self._interactor.GetEventPosition()

    def _onRelease(self, caller, event) -> None:
        pressed, self._pressed = self._pressed, None
        x, y = self._interactor.GetEventPosition()
        if pressed is None or max(abs(x - pressed[0]), abs(y - pressed[1])) > STEADY_PIXELS:
            return
        bottom, left = self._chart.GetAxis(vtk.vtkAxis.BOTTOM), self._chart.GetAxis(vtk.vtkAxis.LEFT)
        across = _fraction(x, bottom.GetPoint1()[0], bottom.GetPoint2()[0])
        upward = _fraction(y, left.GetPoint1()[1], left.GetPoint2()[1])
        if 0 <= across <= 1 and 0 <= upward <= 1:
            self._onClicked(bottom.GetMinimum() + across * (bottom.GetMaximum() - bottom.GetMinimum()))


def _fraction(value: float, start: float, end: float) -> float:
    return (value - start) / (end - start) if end != start else -1.0
