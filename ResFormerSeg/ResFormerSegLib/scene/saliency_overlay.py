"""Shows a saliency volume over its image in the slice views."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

# The files of the first come with the application; the second is built into its libraries.
COLORS = ("vtkMRMLColorTableNodeFileInferno.txt", "vtkMRMLColorTableNodeIron")
THRESHOLD, OPACITY = 0.3, 0.5  # until the user chooses


def styleSaliencyNode(saliencyNode, volumeNode, diagnosisName: str) -> None:
    """Names the volume after the diagnosis, and sets its colours; a colour map that the user chose stays."""
    saliencyNode.SetName(_("{name} saliency ({diagnosis})").format(name=volumeNode.GetName(), diagnosis=diagnosisName))
    if saliencyNode.GetDisplayNode() is None:
        saliencyNode.CreateDefaultDisplayNodes()
    display = saliencyNode.GetDisplayNode()
    if display.GetColorNode() is None or display.GetColorNode().GetName() == "Grey":
        display.SetAndObserveColorNodeID(next((name for name in COLORS if slicer.mrmlScene.GetNodeByID(name)), None))
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0.0, 1.0)  # 1 is the maximum of this explanation; each has its own scale


def setThreshold(saliencyNode, lowest: float) -> None:
    """Lower values are transparent."""
    display = saliencyNode.GetDisplayNode()
    display.SetThreshold(lowest, 1.0)
    display.ApplyThresholdOn()


class SaliencyOverlay:
    """The foreground layer of the slice views; the previous foreground is restored when it is hidden.

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

    def adopt(self, saliencyNode) -> bool:
        """Takes over a saliency volume that is in the foreground already, as in a scene that was loaded.

        Returns whether it does.
        """
        self._nodeId = saliencyNode.GetID()
        if not self.isShown():
            self._nodeId = None
        return self._nodeId is not None

    def opacity(self) -> float:
        """The present opacity."""
        return next((view.GetForegroundOpacity() for view in self._views()), OPACITY)

    def setOpacity(self, opacity: float) -> None:
        for compositeNode in self._views():
            compositeNode.SetForegroundOpacity(opacity)

    def hide(self) -> None:
        """Views whose foreground the user has changed meanwhile are left alone."""
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
