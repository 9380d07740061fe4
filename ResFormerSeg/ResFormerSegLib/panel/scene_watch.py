"""Tells the panel of changes of the scene and of its input volume."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ResFormerSegLib.event_loop import callLater
from ResFormerSegLib.scene.node_observer import NodeObserver


class SceneWatch(VTKObservationMixin):
    """onChanged: called from the event loop, once for all changes of one moment: nodes are filled after they were
    added, and often several come at once. onVolumeChanged: called at once when the observed volume has other voxels.
    onNodeRemoved: called with a node that is about to leave the scene.
    """

    def __init__(
        self,
        onChanged: Callable[[], None],
        onVolumeChanged: Callable[[], None],
        onNodeRemoved: Callable[[object], None],
    ) -> None:
        VTKObservationMixin.__init__(self)
        self._onChanged, self._onVolumeChanged, self._onNodeRemoved = onChanged, onVolumeChanged, onNodeRemoved
        self._voxels = NodeObserver(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, self._onVoxels)
        self._isScheduled = False
        self._isOver = False
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self.addObserver(scene, event, self._onNodes)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)

    def observeVolume(self, volumeNode) -> None:
        """Observes this volume's voxels in place of the previous one's; None observes none."""
        self._voxels.observe(volumeNode)

    def cleanup(self) -> None:
        self._isOver = True
        self._voxels.stop()
        self.removeObservers()

    def _onNodes(self, caller=None, event=None) -> None:
        self._schedule()

    def _onVoxels(self, caller=None, event=None) -> None:
        self._onVolumeChanged()
        self._schedule()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node) -> None:
        self._onNodeRemoved(node)

    def _schedule(self) -> None:
        if not self._isScheduled:
            self._isScheduled = True
            callLater(self._report)

    def _report(self) -> None:
        self._isScheduled = False
        if not self._isOver:
            self._onChanged()
