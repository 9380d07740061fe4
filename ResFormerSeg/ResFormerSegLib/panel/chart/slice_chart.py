"""The result along the volume: charts of probability and area per slice, and a table of measurements."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _

from ResFormerSegLib.panel.chart.clicks import ChartClicks
from ResFormerSegLib.panel.chart.marker import SliceMarker
from ResFormerSegLib.panel.chart.nodes import ChartNodes, hasMillimetres
from ResFormerSegLib.panel.chart.slice_following import SliceFollower
from ResFormerSegLib.panel.chart.slice_table import SliceTable
from ResFormerSegLib.panel.chart.styling import fitChartColors, legendText
from ResFormerSegLib.scene.slice_positions import jumpSliceViews, positionOfSlice
from ResFormerSegLib.texts import percentText, wholeText

PROBABILITY_HEIGHT, AREA_HEIGHT = 190, 150  # pixels


class SliceChart:
    """Fills the widget it is given. A click on a chart or a row moves the slice views; the marker follows them.

    An image of one slice has the table only, and so has the application without its main window.
    """

    tableClass = SliceTable

    def __init__(self, parentWidget) -> None:
        layout = qt.QVBoxLayout(parentWidget)
        layout.setContentsMargins(4, 2, 4, 2)
        self.hint = qt.QLabel(_("After a run, this section shows the result slice by slice."))
        self.hint.objectName = "sliceChartHint"
        self.hint.wordWrap = True
        layout.addWidget(self.hint)
        self.plots = qt.QWidget()
        self.plots.objectName = "slicePlots"
        self._plotLayout = qt.QVBoxLayout(self.plots)
        self._plotLayout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plots)
        self.table = self.tableClass(layout, self._jump)
        self._nodes = ChartNodes()
        self._follower = SliceFollower(self._mark)
        self._views: list = []  # qMRMLPlotView of the probabilities and of the areas, made when first needed
        self._legends: list = []  # the label above each
        self._clicks: list[ChartClicks] = []
        self._markers: list[SliceMarker] = []
        self.marked: int | None = None  # index of the slice that the views show
        self._volumeId: str | None = None
        self._report: dict | None = None
        self._active = True
        self.clear()

    def showResult(self, result, volumeNode, classNames: dict[str, str] | None = None) -> None:
        """classNames: of the diagnosis, by id, where the model's description gives them."""
        self.clear()
        self._report, self._volumeId = result.report, volumeNode.GetID() if volumeNode is not None else None
        rows = self._report["slices"]
        if not rows:
            return
        self.hint.visible = False
        self.table.show(self._report, classNames)
        if len(rows) > 1 and slicer.app.layoutManager() is not None:
            self._nodes.show(self._report, classNames)
            self._showPlots()
        self._follow()

    def clear(self) -> None:
        """Also removes the charts' nodes from the scene."""
        self._follower.stop()
        for view in self._views:
            view.setMRMLPlotViewNode(None)
        self._markAt(None)
        self._nodes.remove()
        self.hint.visible = True
        self.plots.visible = False
        self.table.clear()
        self._report = self._volumeId = None

    def setActive(self, active: bool) -> None:
        """Whether the module is shown: otherwise the marker is not updated."""
        self._active = active
        if active:
            self.fitStyle()
        self._follow()

    def fitStyle(self) -> None:
        """For another style of the application, light or dark."""
        for view in self._views:
            fitChartColors(view)

    def cleanup(self) -> None:
        self.clear()
        for click in self._clicks:
            click.stop()
        for marker in self._markers:
            marker.cleanup()
        self._clicks, self._markers = [], []
        for view in self._views:
            view.setMRMLScene(None)

    def _showPlots(self) -> None:
        if not self._views:
            self._makeView("probability", PROBABILITY_HEIGHT)
            self._makeView("area", AREA_HEIGHT)
        nodes = (self._nodes.probabilityView, self._nodes.areaView)
        for view, legend, node in zip(self._views, self._legends, nodes, strict=True):
            fitChartColors(view)
            view.setMRMLPlotViewNode(node)
            view.visible = legend.visible = node is not None
        self._showLegends(None)
        self.plots.visible = True

    def _makeView(self, name: str, height: int) -> None:
        legend = qt.QLabel()
        legend.objectName = f"{name}Legend"
        legend.wordWrap = True
        legend.textFormat = qt.Qt.RichText
        view = slicer.qMRMLPlotView()
        view.objectName = f"{name}Plot"
        view.setMRMLScene(slicer.mrmlScene)
        view.setFixedHeight(height)
        view.toolTip = _("Click to show a slice. The grey line marks the current slice.")
        for widget in (legend, view):
            self._plotLayout.addWidget(widget)
        view.setFocusPolicy(qt.Qt.ClickFocus)  # Tab goes on to the table, which does the same with the keyboard
        self._clicks.append(ChartClicks.ofView(view, self._jumpNear))
        self._markers.append(SliceMarker(view, f"{name}Marker"))
        view.chart().SetZoomWithMouseWheel(False)  # the wheel scrolls the panel
        self._views.append(view)
        self._legends.append(legend)

    def _showLegends(self, index: int | None) -> None:
        if not self._legends:
            return
        unit = _("{area} mm²") if hasMillimetres(self._report["slices"]) else _("{area} pixels")
        self._legends[0].text = legendText(self._nodes.probabilityLegend, index, percentText)
        self._legends[1].text = legendText(
            self._nodes.areaLegend, index, lambda area: unit.format(area=wholeText(area))
        )

    def _follow(self) -> None:
        volumeNode = self._volumeNode()
        if self._active and volumeNode is not None:
            self._follower.follow(volumeNode, self._report["slice_axis"]["array_axis"])
        else:
            self._follower.stop()

    def _mark(self, index: int) -> None:
        self._nodes.showAllSlices()
        self._markAt(index)
        self._showLegends(index)
        self.table.mark(index)

    def _markAt(self, index: int | None) -> None:
        self.marked = index
        for marker in self._markers:
            marker.mark(index)

    def _jumpNear(self, place: float) -> None:
        """To the slice of the report that is nearest to a place in the chart."""
        if self._report is not None:
            indices = [row["index"] for row in self._report["slices"]]
            self._jump(min(indices, key=lambda index: abs(index - place)))

    def _jump(self, index: int) -> None:
        volumeNode = self._volumeNode()
        if volumeNode is None:
            return
        lesion = self._report.get("largest_lesion")
        near = lesion["center_ijk"] if lesion else None  # the other views then show the lesion
        jumpSliceViews(positionOfSlice(volumeNode, self._report["slice_axis"]["array_axis"], index, near))

    def _volumeNode(self):
        """None when there is no result, or when the volume was deleted meanwhile."""
        node = slicer.mrmlScene.GetNodeByID(self._volumeId) if self._volumeId else None
        return node if node is not None and node.GetImageData() is not None else None
