"""qMRMLPlotView: draws a plot chart of the scene with VTK's charts, as the real one does, into a Qt widget.

As an OpenGL widget in the application, it is drawn again when the chart has changed, and when something moves inside
it; what lies over it in its parent only covers it. Mouse events reach VTK's interactor, and what `fitToContent` (the
key R) makes of the axes goes into the chart node. Not here: selecting points, zooming, saving.
"""

import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from slicer_bed.substitutes.api import substitute
from slicer_bed.substitutes.mrml_widgets import SceneHolder
from slicer_bed.views import grabWindow

MARKERS = {
    "MarkerStyleNone": vtk.vtkPlotLine.NONE,
    "MarkerStyleCross": vtk.vtkPlotLine.CROSS,
    "MarkerStylePlus": vtk.vtkPlotLine.PLUS,
    "MarkerStyleSquare": vtk.vtkPlotLine.SQUARE,
    "MarkerStyleCircle": vtk.vtkPlotLine.CIRCLE,
    "MarkerStyleDiamond": vtk.vtkPlotLine.DIAMOND,
}
LINES = {
    "LineStyleNone": vtk.vtkPen.NO_PEN,
    "LineStyleSolid": vtk.vtkPen.SOLID_LINE,
    "LineStyleDash": vtk.vtkPen.DASH_LINE,
    "LineStyleDot": vtk.vtkPen.DOT_LINE,
}
CREAM = (255, 253, 246, 255)


@substitute
class ctkVTKChartView(QtWidgets.QWidget):
    _internals = ("_view", "_chart", "_picture", "_isPainting")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._view = vtk.vtkContextView()
        window = self._view.GetRenderWindow()
        window.SetOffScreenRendering(1)
        window.SetMultiSamples(0)
        interactor = vtk.vtkGenericRenderWindowInteractor()
        interactor.SetRenderWindow(window)
        self._view.SetInteractor(interactor)
        style = vtk.vtkContextInteractorStyle()
        style.SetScene(self._view.GetScene())
        interactor.SetInteractorStyle(style)
        self._chart = vtk.vtkChartXY()
        self._chart.GetBackgroundBrush().SetColor(*CREAM)
        self._view.GetScene().AddItem(self._chart)
        self._picture, self._isPainting = None, False  # the picture is that of the last rendering
        window.AddObserver("EndEvent", self._onRendered)
        view = self._view
        self.destroyed.connect(lambda: view.GetRenderWindow().Finalize())

    def chart(self):
        return self._chart

    def scene(self):
        return self._view.GetScene()

    def renderWindow(self):
        return self._view.GetRenderWindow()

    def _onRendered(self, caller, event) -> None:
        """A script has rendered: the widget shows it with its next paint event."""
        if not self._isPainting:
            self._picture = None
            self.update()

    def paintEvent(self, event) -> None:
        hasChildren = any(isinstance(child, QtWidgets.QWidget) for child in self.children())
        size = (self.width, self.height)
        if self._picture is None or hasChildren or (self._picture.width(), self._picture.height()) != size:
            self.renderWindow().SetSize(*size)
            self._isPainting = True
            pixels = grabWindow(self.renderWindow())
            self._isPainting = False
            self._picture = QtGui.QImage(pixels.data, *size, 3 * size[0], QtGui.QImage.Format_RGB888).copy()
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, self._picture)
        painter.end()

    def mousePressEvent(self, event) -> None:
        self._tellInteractor(event, "LeftButtonPressEvent")

    def mouseReleaseEvent(self, event) -> None:
        self._tellInteractor(event, "LeftButtonReleaseEvent")

    def mouseMoveEvent(self, event) -> None:
        self._tellInteractor(event, "MouseMoveEvent")

    def _tellInteractor(self, event, name: str) -> None:
        interactor = self.renderWindow().GetInteractor()
        position = event.position().toPoint()
        interactor.SetSize(self.width, self.height)
        interactor.SetEventInformationFlipY(position.x(), position.y(), 0, 0)
        interactor.InvokeEvent(name)


@substitute
class qMRMLPlotView(SceneHolder, ctkVTKChartView):
    mrmlSceneChanged = QtCore.Signal(object)
    dataSelected = QtCore.Signal(object, object)
    _internals = ("_viewNode", "_observers")

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self._viewNode = None
        observers: list[tuple] = []
        self._observers = observers
        self.destroyed.connect(lambda: _removeAll(observers))

    def setMRMLPlotViewNode(self, node) -> None:
        self._viewNode = node
        self._connect()

    def fitToContent(self) -> None:
        """Whatever the axes' behaviour is, and of all plots: also of those that lie far away."""
        bounds = [[0.0] * 4 for _ in range(self._chart.GetNumberOfPlots())]
        for index, plot in enumerate(bounds):
            self._chart.GetPlot(index).Update()
            self._chart.GetPlot(index).GetBounds(plot)
        bounds = [plot for plot in bounds if plot[1] >= plot[0]]
        chartNode = self._chartNode()
        if chartNode is None or not bounds:
            return
        lowest, highest = map(min, zip(*bounds, strict=True)), map(max, zip(*bounds, strict=True))
        (left, _, bottom, _), (_, right, _, top) = lowest, highest
        modified = chartNode.StartModify()
        chartNode.SetXAxisRange(left, right)
        chartNode.SetYAxisRange(bottom, top)
        chartNode.EndModify(modified)

    def _onScene(self, scene) -> None:
        self._connect()

    def _chartNode(self):
        scene = self.mrmlScene()
        return self._viewNode.GetPlotChartNode() if scene is not None and self._viewNode is not None else None

    def _connect(self, *_) -> None:
        """Observes the view node, for another chart, and the chart node, which tells of its series and tables, too."""
        _removeAll(self._observers)
        for node, method in ((self._viewNode, self._connect), (self._chartNode(), self._draw)):
            if node is not None:
                self._observers.append((node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, method)))
        for table in self._tables():
            self._observers.append((table, table.AddObserver(vtk.vtkCommand.ModifiedEvent, self._draw)))
        self._draw()

    def _tables(self) -> list:
        chartNode = self._chartNode()
        count = chartNode.GetNumberOfPlotSeriesNodes() if chartNode is not None else 0
        series = (chartNode.GetNthPlotSeriesNode(index) for index in range(count))
        return list({node.GetTableNode() for node in series if node is not None and node.GetTableNode() is not None})

    def _draw(self, *_) -> None:
        self._picture = None
        for index in range(self._chart.GetNumberOfPlots()):
            self._chart.GetPlot(index).Update()  # prints an error if its table has lost the columns meanwhile
        self._chart.ClearPlots()
        chartNode = self._chartNode()
        if chartNode is None:
            self.update()
            return
        for index in range(chartNode.GetNumberOfPlotSeriesNodes()):
            self._addSeries(chartNode.GetNthPlotSeriesNode(index))
        self._chart.SetShowLegend(chartNode.GetLegendVisibility())
        self._chart.GetLegend().GetLabelProperties().SetFontSize(chartNode.GetLegendFontSize())
        self._chart.SetTitle(chartNode.GetTitle() or "" if chartNode.GetTitleVisibility() else "")
        for axis, name in ((vtk.vtkAxis.BOTTOM, "XAxis"), (vtk.vtkAxis.LEFT, "YAxis")):
            self._setAxis(self._chart.GetAxis(axis), chartNode, name)
        self.update()

    def _addSeries(self, series) -> None:
        table = series.GetTableNode().GetTable() if series is not None and series.GetTableNode() else None
        x, y = (series.GetXColumnName(), series.GetYColumnName()) if table else ("", "")
        if not table or not table.GetColumnByName(y) or series.IsXColumnRequired() and not table.GetColumnByName(x):
            return
        isBar = series.GetPlotType() in (series.PlotTypeBar, series.PlotTypeScatterBar)
        plot = vtk.vtkPlotBar() if isBar else vtk.vtkPlotLine()
        plot.SetInputData(table, x if series.IsXColumnRequired() else y, y)
        plot.SetUseIndexForXSeries(not series.IsXColumnRequired())
        plot.SetLabel(series.GetName())
        plot.SetColorF(*series.GetColor())
        plot.SetWidth(series.GetLineWidth())
        if not isBar:
            styles = {getattr(series, name): style for name, style in LINES.items()}
            plot.GetPen().SetLineType(styles.get(series.GetLineStyle(), vtk.vtkPen.SOLID_LINE))
            markers = {getattr(series, name): style for name, style in MARKERS.items()}
            plot.SetMarkerStyle(markers.get(series.GetMarkerStyle(), vtk.vtkPlotLine.NONE))
            plot.SetMarkerSize(series.GetMarkerSize())
        self._chart.AddPlot(plot)

    @staticmethod
    def _setAxis(axis, chartNode, name: str) -> None:
        axis.SetTitle(getattr(chartNode, f"Get{name}Title")() or "")
        axis.GetTitleProperties().SetFontSize(chartNode.GetAxisTitleFontSize())
        axis.GetLabelProperties().SetFontSize(chartNode.GetAxisLabelFontSize())
        if getattr(chartNode, f"Get{name}RangeAuto")():
            axis.SetBehavior(vtk.vtkAxis.AUTO)
        else:
            axis.SetBehavior(vtk.vtkAxis.FIXED)
            axis.SetRange(*getattr(chartNode, f"Get{name}Range")())


def _removeAll(observers: list[tuple]) -> None:
    for node, tag in observers:
        node.RemoveObserver(tag)
    observers.clear()
