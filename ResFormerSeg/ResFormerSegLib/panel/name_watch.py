"""Notices that nodes which the panel names to the user have been renamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import vtk
from slicer.util import VTKObservationMixin


class NameWatch(VTKObservationMixin):
    """onRenamed: called when a node that is watched has another name than before."""

    def __init__(self, onRenamed: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onRenamed = onRenamed
        self._names: dict[str, str] = {}  # by id

    def watch(self, nodes: Iterable) -> None:
        """Watches these nodes in place of the previous ones; None among them is skipped."""
        wanted = {node.GetID(): node for node in nodes if node is not None}
        if list(wanted) == list(self._names):
            return
        self.stop()
        self._names = {nodeId: node.GetName() for nodeId, node in wanted.items()}
        for node in wanted.values():
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onModified)

    def stop(self) -> None:
        self.removeObservers()
        self._names = {}

    def _onModified(self, node, event) -> None:
        if self._names.get(node.GetID()) != node.GetName():
            self._names[node.GetID()] = node.GetName()
            self._onRenamed()
