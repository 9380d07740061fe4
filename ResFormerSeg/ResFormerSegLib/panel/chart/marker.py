"""The vertical line over a chart that marks the slice that the views show.

A widget over the plot view, not a part of the chart: moving it does not draw the chart again, which would take longer
than a redraw of the slice view that is being scrolled.
"""

from __future__ import annotations

import importlib

import qt
import vtk

from ResFormerSegLib.event_filter import EventFilter
from ResFormerSegLib.timers import Later

WIDTH = 2  # pixels
STYLE = "background: rgba(128, 128, 128, 200);"  # visible on white and on black


class SliceMarker:
    """plotView: a qMRMLPlotView inside another widget. The line lies beside the view in that widget, not in the view:

    Qt has an OpenGL widget drawn again whenever something moves inside it.
    """

    def __init__(self, plotView, name: str) -> None:
        importlib.import_module("vtkmodules.vtkChartsCore")  # else chart() gives an object without a chart's methods
        self._view = plotView
        self._index: int | None = None
        self.line = qt.QFrame(plotView.parentWidget())
        self.line.objectName = name
        self.line.styleSheet = STYLE
        self.line.setAttribute(qt.Qt.WA_TransparentForMouseEvents)
        self.line.hide()
        self._moveLater = Later(self._move)
        self._events = EventFilter(dict.fromkeys((qt.QEvent.Move, qt.QEvent.Resize), self._onMoved))
        self._events.watch(plotView)
        self._window = plotView.renderWindow()
        self._tag = self._window.AddObserver(vtk.vtkCommand.EndEvent, self._onRendered)

    def mark(self, index: int | None) -> None:
        """Moves the line to the slice; None hides it."""
        self._index = index
        self._move()

    def cleanup(self) -> None:
        self._window.RemoveObserver(self._tag)
        self._events.cleanup()
        self._moveLater.cleanup()

    def _onRendered(self, caller, event) -> None:
        """The axes are laid out when the chart is drawn. Later, as nothing may be moved while it is being painted."""
        self._moveLater.start()

    def _onMoved(self, event) -> None:
        self._moveLater.start()

    def _move(self) -> None:
        chart, view = self._view.chart(), self._view
        bottom, left = chart.GetAxis(vtk.vtkAxis.BOTTOM), chart.GetAxis(vtk.vtkAxis.LEFT)
        start, end = bottom.GetPoint1()[0], bottom.GetPoint2()[0]
        low, high = left.GetPoint1()[1], left.GetPoint2()[1]
        shown = self._index is not None and end > start and bottom.GetMinimum() <= self._index <= bottom.GetMaximum()
        if shown and self._window.GetSize()[0] > 0:
            scale = view.width / self._window.GetSize()[0]  # from the screen's pixels to the widget's
            share = (self._index - bottom.GetMinimum()) / (bottom.GetMaximum() - bottom.GetMinimum())
            x = view.x + scale * (start + share * (end - start)) - WIDTH / 2
            top = view.y + view.height - scale * high
            self.line.setGeometry(round(x), round(top), WIDTH, round(scale * (high - low)))
            self.line.raise_()
        self.line.visible = shown
