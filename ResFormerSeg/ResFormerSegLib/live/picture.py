"""The image of the answer in the place of the stream's, so that image and contour on the screen belong together.

A stream that is faster than the engine has moved on when an answer comes. The slice views then show a copy of the frame
that was answered, a fraction of a second late, in the same window and level, until live mode is switched off.
"""

from __future__ import annotations

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.live.contour import LIVE, removeWithDisplay
from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.scene.result_nodes import VOLUME_ROLE


class LivePicture:
    """ids: of the node that stands for the volume, empty while there is none."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self._node = vtk.vtkWeakReference()
        self._volumeId = ""
        self._copied: tuple | None = None  # of the volume's display; what the user changes in the views stays

    @property
    def node(self):
        node = self._node.Get()
        return node if node is not None and node.GetScene() is slicer.mrmlScene else None

    @property
    def isShown(self) -> bool:
        return self.node is not None

    def show(self, image, ijkToRas, volumeNode) -> None:
        """image: vtkImageData, taken over."""
        node = self.node
        if node is not None and not node.IsA(volumeNode.GetClassName()):
            self.remove()
            node = None
        isNew = node is None
        if isNew:
            node = slicer.mrmlScene.CreateNodeByClass(volumeNode.GetClassName())
            node.UnRegister(None)
            node.SetName(_("{name} live image").format(name=volumeNode.GetName()))
            node.SetSaveWithScene(False)
            node.SetHideFromEditors(True)
            node.SetAttribute(LIVE, "image")
            slicer.mrmlScene.AddNode(node)
            node.SetNodeReferenceID(VOLUME_ROLE, volumeNode.GetID())
            self._node, self._volumeId = weakReference(node), volumeNode.GetID()
            self.ids.add(node.GetID())
        node.SetIJKToRASMatrix(ijkToRas)
        node.SetAndObserveImageData(image)
        if node.GetTransformNodeID() != volumeNode.GetTransformNodeID():
            node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        if isNew:
            node.CreateDefaultDisplayNodes()
            node.GetDisplayNode().SetSaveWithScene(False)
        self._copyDisplay(node, volumeNode)
        self.cover(volumeNode)

    def cover(self, volumeNode) -> None:
        """Views that show the volume show the picture instead."""
        if self.node is not None:
            _replace(volumeNode.GetID(), self.node.GetID())

    def uncover(self) -> None:
        """The views show the volume again."""
        if self.node is not None:
            volume = slicer.mrmlScene.GetNodeByID(self._volumeId)
            _replace(self.node.GetID(), self._volumeId if volume is not None else None)

    def remove(self) -> None:
        self.uncover()
        if self.node is not None:
            removeWithDisplay(self.node)
        self.ids.clear()
        self._copied = None

    def _copyDisplay(self, node, volumeNode) -> None:
        source, target = volumeNode.GetDisplayNode(), node.GetDisplayNode()
        if source is None or target is None:
            return
        shown = (source.GetWindow(), source.GetLevel(), source.GetColorNodeID(), source.GetInterpolate())
        if shown == self._copied:
            return
        self._copied = shown
        target.SetAutoWindowLevel(False)
        target.SetWindowLevel(*shown[:2])
        target.SetAndObserveColorNodeID(shown[2])
        target.SetInterpolate(shown[3])


def _replace(shownId: str, otherId: str | None) -> None:
    for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if composite.GetBackgroundVolumeID() == shownId:
            composite.SetBackgroundVolumeID(otherId)
        if composite.GetForegroundVolumeID() == shownId:
            composite.SetForegroundVolumeID(otherId)
