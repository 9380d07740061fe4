"""Notices when a node that a run needs is removed from the scene."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.event_loop import LaterCall, callLater


class InputWatch:
    """nodes: weak references to the nodes of a run. onRemoved: called with the error, from the event loop."""

    def __init__(self, nodes: list[vtk.vtkWeakReference], onRemoved: Callable[[ResFormerSegError], None]) -> None:
        self._nodes = nodes
        self._onRemoved = onRemoved
        self._observations: list[int] = []
        self._due: LaterCall | None = None

    def start(self) -> None:
        scene = slicer.mrmlScene
        for event in (scene.NodeRemovedEvent, scene.EndCloseEvent):
            self._observations.append(scene.AddObserver(event, self._onSceneChanged))

    def stop(self) -> None:
        for observation in self._observations:
            slicer.mrmlScene.RemoveObserver(observation)
        self._observations = []
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def check(self) -> None:
        """Raises ResFormerSegError INPUT_REMOVED when a node is gone."""
        if not all(_isInScene(reference) for reference in self._nodes):
            raise ResFormerSegError(
                "INPUT_REMOVED",
                _("A volume or segmentation of this run was removed from the scene."),
                _("Load it again and start a new run."),
            )

    def _onSceneChanged(self, *arguments) -> None:
        """Called from within the scene's own change; checked once that is complete."""
        if self._due is None:
            self._due = callLater(self._checkLater)

    def _checkLater(self) -> None:
        self._due = None
        try:
            self.check()
        except ResFormerSegError as error:
            self._onRemoved(error)


def weakReference(node) -> vtk.vtkWeakReference:
    reference = vtk.vtkWeakReference()
    reference.Set(node)
    return reference


def _isInScene(reference: vtk.vtkWeakReference) -> bool:
    node = reference.Get()
    return node is not None and node.GetScene() is not None
