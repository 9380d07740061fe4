"""Tells the panel of changes of the scene and of its input volume."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ResFormerSegLib.panel.timers import Later


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
        self._onVolumeChanged, self._onNodeRemoved = onVolumeChanged, onNodeRemoved
        self._volumeNode = None
        self._reportLater = Later(onChanged)
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self.addObserver(scene, event, self._onNodes)
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)

    def observeVolume(self, volumeNode) -> None:
        """Observes this volume's voxels in place of the previous one's; None observes none."""
        event = slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent
        if self._volumeNode is not None:  # `removeObservers(method)` would keep the node, and with it its voxels
            self.removeObserver(self._volumeNode, event, self._onVoxels)
        self._volumeNode = volumeNode
        if volumeNode is not None:
            self.addObserver(volumeNode, event, self._onVoxels)

    def cleanup(self) -> None:
        self._reportLater.cleanup()
        self.removeObservers()
        self._volumeNode = None

    def _onNodes(self, caller=None, event=None) -> None:
        self._reportLater.start()

    def _onVoxels(self, caller=None, event=None) -> None:
        self._onVolumeChanged()
        self._reportLater.start()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node) -> None:
        self._onNodeRemoved(node)
