"""Nodes of a chart that are the module's own: hidden, never saved with a scene."""

from __future__ import annotations

import slicer


class HiddenNodes:
    """Adds nodes to the scene and removes them together, also when the scene was closed meanwhile."""

    def __init__(self) -> None:
        self._nodes: list = []

    def add(self, node, name: str):
        node.SetName(name)
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetUndoEnabled(False)
        slicer.mrmlScene.AddNode(node)
        self._nodes.append(node)
        return node

    def addSeries(self, name: str, table, xColumn: str, yColumn: str, color):
        """color: three numbers of 0 to 1."""
        series = self.add(slicer.vtkMRMLPlotSeriesNode(), name)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName(xColumn)
        series.SetYColumnName(yColumn)
        series.SetPlotType(series.PlotTypeScatter)
        series.SetLineWidth(2)
        series.SetColor(*color)
        return series

    def addView(self, chart):
        view = slicer.vtkMRMLPlotViewNode()
        # Before the scene learns of the view: one without an owner is given a place in the window's layout.
        view.SetAndObserveParentLayoutNodeID(chart.GetID())
        view.SetPlotChartNodeID(chart.GetID())
        view.SetDoPropagatePlotChartSelection(False)
        return self.add(view, chart.GetName())

    def areGone(self) -> bool:
        """Whether any of them has left the scene."""
        return any(node.GetScene() is None for node in self._nodes)

    def remove(self) -> None:
        for node in reversed(self._nodes):
            if node.GetScene() is not None:
                node.GetScene().RemoveNode(node)
        self._nodes = []
