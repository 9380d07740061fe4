"""Shows where in the image the network looked: a saliency volume laid over the image in the slice views.

The volume belongs to the user: it is saved with the scene, beside the image. Of each image there is one at most, which
the next explanation fills anew.
"""

from __future__ import annotations

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.scene_changes import placeBeside

EXPLAINED_VOLUME = "ResFormerSeg.ExplainedVolume"  # role of the reference from the saliency to the image
DIAGNOSIS, METHOD, CITATION = "ResFormerSeg.Diagnosis", "ResFormerSeg.Method", "ResFormerSeg.Citation"
# The files of the first come with the application; the second is built into its libraries.
COLORS = ("vtkMRMLColorTableNodeFileInferno.txt", "vtkMRMLColorTableNodeIron")
THRESHOLD, OPACITY = 0.3, 0.5  # until the user chooses


def saliencyNodeOf(volumeNode):
    """The saliency volume of an image; None when there is none yet."""
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        if node.GetNodeReferenceID(EXPLAINED_VOLUME) == volumeNode.GetID():
            return node
    return None


def fillSaliencyNode(volumeNode, saliency, diagnosis: str, diagnosisName: str, method: str, citation: str):
    """Makes the saliency volume of an image, or fills it anew; returns it. It is not shown yet.

    saliency: float32 (k, j, i) on the image's grid, from 0 to 1. diagnosis: id of the class that is explained.
    """
    node = saliencyNodeOf(volumeNode)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        node.SetNodeReferenceID(EXPLAINED_VOLUME, volumeNode.GetID())
        placeBeside(node, volumeNode)
    node.SetName(_("{name} saliency ({diagnosis})").format(name=volumeNode.GetName(), diagnosis=diagnosisName))
    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    node.SetIJKToRASMatrix(ijkToRas)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    slicer.util.updateVolumeFromArray(node, saliency)
    for name, value in ((DIAGNOSIS, diagnosis), (METHOD, method), (CITATION, citation)):
        node.SetAttribute(name, value)
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
        _setUpDisplay(node.GetDisplayNode())
    return node


def _setUpDisplay(display) -> None:
    """A fixed scale, so that two explanations can be compared; what lies below the threshold is transparent."""
    color = next((name for name in COLORS if slicer.mrmlScene.GetNodeByID(name)), None)
    display.SetAndObserveColorNodeID(color)
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, 1.0)
    setThreshold(display, THRESHOLD)


def setThreshold(display, lowest: float) -> None:
    display.SetThreshold(lowest, 1.0)
    display.ApplyThresholdOn()


class SaliencyOverlay:
    """The foreground layer of the slice views, which it gives back when it is hidden.

    >>> overlay = SaliencyOverlay()
    >>> overlay.show(saliencyNode, volumeNode)
    >>> overlay.hide()
    """

    def __init__(self) -> None:
        self._nodeId: str | None = None
        self._before: dict[str, tuple[str | None, float]] = {}  # of each view: its foreground and that one's opacity

    def show(self, saliencyNode, volumeNode, opacity: float = OPACITY) -> None:
        """In all views that show the image."""
        if self._nodeId != saliencyNode.GetID():
            self.hide()
        self._nodeId = saliencyNode.GetID()
        for compositeNode in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if compositeNode.GetBackgroundVolumeID() != volumeNode.GetID():
                continue
            foreground = compositeNode.GetForegroundVolumeID()
            if foreground != self._nodeId:
                self._before[compositeNode.GetID()] = (foreground, compositeNode.GetForegroundOpacity())
                compositeNode.SetForegroundVolumeID(self._nodeId)
            compositeNode.SetForegroundOpacity(opacity)

    def setOpacity(self, opacity: float) -> None:
        for compositeNode in self._views():
            compositeNode.SetForegroundOpacity(opacity)

    def hide(self) -> None:
        """A view in which the user put something else into the foreground meanwhile is left alone."""
        for compositeNode in self._views():
            foreground, opacity = self._before.get(compositeNode.GetID(), (None, 0.0))
            compositeNode.SetForegroundVolumeID(foreground)
            compositeNode.SetForegroundOpacity(opacity)
        self._nodeId, self._before = None, {}

    def isShown(self) -> bool:
        return any(True for _view in self._views())

    def _views(self) -> list:
        if self._nodeId is None:
            return []
        views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
        return [view for view in views if view.GetForegroundVolumeID() == self._nodeId]
