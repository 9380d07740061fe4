"""Observes a node that comes and goes, without keeping it alive."""

from __future__ import annotations

from collections.abc import Callable

import vtk


class NodeObserver:
    """Observes one event of one node at a time.

    `VTKObservationMixin` is for objects that live as long as their observer, such as the scene: it keeps a node that
    is no longer observed, and a volume its voxels, until all its observers are removed.

    onEvent: called with the node and the event's name.
    """

    def __init__(self, event: int, onEvent: Callable[[object, str], None]) -> None:
        self._event, self._onEvent = event, onEvent
        self._node = vtk.vtkWeakReference()
        self._tag: int | None = None

    def observe(self, node) -> None:
        """Observes this node in place of the previous one; None observes none."""
        self.stop()
        if node is not None:
            self._node.Set(node)
            self._tag = node.AddObserver(self._event, self._onEvent)

    def stop(self) -> None:
        node, tag, self._tag = self._node.Get(), self._tag, None
        self._node.Set(None)
        if node is not None and tag is not None:
            node.RemoveObserver(tag)
