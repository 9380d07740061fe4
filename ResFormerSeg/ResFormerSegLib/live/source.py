"""What is on the screen: the image that a volume holds now, and which slice of it a slice view shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import slicer
import vtk

from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.scene.node_observer import NodeObserver
from ResFormerSegLib.scene.slice_positions import slicedAxis, sliceShownBy, viewsWithImages
from ResFormerSegLib.scene.volume_export import lpsRows


@dataclass(frozen=True)
class OnScreen:
    """image: names the image; another one after each change of voxels, size or place. axis, index: of the slice."""

    image: tuple
    axis: int
    index: int

    def isSameSlice(self, other: OnScreen) -> bool:
        """Perhaps of another image."""
        return (self.axis, self.index) == (other.axis, other.index)

    def hasVoxelsOf(self, other: OnScreen) -> bool:
        """False when the image was replaced or changed, and not only moved."""
        return self.image[1:3] == other.image[1:3]


class LiveSource:
    """onChanged: called at once, within the change, when the image or the slice on the screen may be another one.

    sliceAxis: as of a model or the user's choice. pictures: ids of volumes that stand for this one in the views.
    """

    def __init__(self, volumeNode, sliceAxis: str, onChanged: Callable[[], None]) -> None:
        self._volume = weakReference(volumeNode)
        self._sliceAxis = sliceAxis
        self._onChanged = onChanged
        self.pictures: set[str] = set()
        self._changes = 0
        self._layout: tuple[tuple, int] | None = None  # geometry, and the axis that follows from it
        self._lastView = vtk.vtkWeakReference()
        node = slicer.vtkMRMLVolumeNode
        self._observers = [
            NodeObserver(node.ImageDataModifiedEvent, self._onImage),
            NodeObserver(vtk.vtkCommand.ModifiedEvent, self._onOther),  # spacing, directions
            NodeObserver(slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._onOther),
        ]
        for observer in self._observers:
            observer.observe(volumeNode)
        self._views: list[NodeObserver] = []
        self._watchViews()
        self._tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, self._onNodeAdded)

    @property
    def volumeNode(self):
        """None when it has left the scene."""
        node = self._volume.Get()
        return node if node is not None and node.GetScene() is slicer.mrmlScene else None

    def hasImage(self) -> bool:
        node = self.volumeNode
        image = node.GetImageData() if node is not None else None
        return image is not None and image.GetNumberOfPoints() > 0 and image.GetPointData().GetScalars() is not None

    def imageKey(self) -> tuple:
        """Of a source that has an image."""
        image = self.volumeNode.GetImageData()
        return self._changes, image.GetMTime(), image.GetPointData().GetScalars().GetMTime(), self._geometry()

    def onScreen(self) -> OnScreen | None:
        """None while there is no image, or no view shows one of its slices."""
        if not self.hasImage():
            return None
        axis = self.axis()
        if self.volumeNode.GetImageData().GetDimensions()[2 - axis] == 1:
            return OnScreen(self.imageKey(), axis, 0)
        index = next((index for _view, index in self._shown(axis)), None)
        return None if index is None else OnScreen(self.imageKey(), axis, index)

    def axis(self) -> int:
        geometry = self._geometry()
        if self._layout is None or self._layout[0] != geometry:
            self._layout = geometry, slicedAxis(self.volumeNode, self._sliceAxis)
        return self._layout[1]

    def views(self) -> list:
        """Nodes of the slice views in sight that show the volume, or a picture of it."""
        node = self.volumeNode
        return [] if node is None else [view for view, shown in viewsWithImages() if self._isOurs(node, shown)]

    def stop(self) -> None:
        for observer in (*self._observers, *self._views):
            observer.stop()
        self._observers, self._views = [], []
        if self._tag is not None:
            slicer.mrmlScene.RemoveObserver(self._tag)
        self._tag = None

    def _isOurs(self, node, shown: list[str]) -> bool:
        return node.GetID() in shown or bool(self.pictures & set(shown))

    def _shown(self, axis: int) -> list[tuple[object, int]]:
        """(view, slice) of the views that lie along the slices; the one that moved last comes first."""
        views = sorted(self.views(), key=lambda view: view is not self._lastView.Get())
        found = [(view, sliceShownBy(view, self.volumeNode, axis)) for view in views]
        return [(view, index) for view, index in found if index is not None]

    def _geometry(self) -> tuple:
        node, matrix = self.volumeNode, vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(matrix)
        place = tuple(value for row in lpsRows(matrix) for value in row)
        return node.GetImageData().GetDimensions(), place, node.GetTransformNodeID()

    def _watchViews(self) -> None:
        for observer in self._views:
            observer.stop()
        self._views = []
        for className in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
            for node in slicer.util.getNodesByClass(className):
                self._views.append(NodeObserver(vtk.vtkCommand.ModifiedEvent, self._onView))
                self._views[-1].observe(node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller, event, node) -> None:
        if node.IsA("vtkMRMLSliceNode") or node.IsA("vtkMRMLSliceCompositeNode"):
            self._watchViews()

    def _onImage(self, caller=None, event=None) -> None:
        self._changes += 1
        self._onChanged()

    def _onOther(self, caller=None, event=None) -> None:
        self._onChanged()

    def _onView(self, caller, event) -> None:
        if caller.IsA("vtkMRMLSliceNode"):
            self._lastView.Set(caller)
        self._onChanged()
