"""Segmentations whose display node was removed from the scene: the application crashes when their segments change."""

import slicer
import vtk


class LostDisplays:
    """Once its display node was removed, a change of a segmentation's segments raises an exception in an observer.

    The application would crash. `slicer_bed.watch` sees the exception.
    """

    def __init__(self, scene) -> None:
        self._scene = scene
        self._tag = scene.AddObserver(scene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved)

    def stop(self) -> None:
        self._scene.RemoveObserver(self._tag)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node) -> None:
        if not isinstance(node, slicer.vtkMRMLSegmentationDisplayNode) or self._scene.IsClosing():
            return
        for segmentationNode in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            if segmentationNode.GetDisplayNode() is node:
                self._refuseChangesOf(segmentationNode)

    def _refuseChangesOf(self, segmentationNode) -> None:
        reference = vtk.vtkWeakReference()
        reference.Set(segmentationNode)

        def onChange(caller, event) -> None:
            node = reference.Get()
            if node is not None and node.GetScene() is not None and node.GetDisplayNode() is None:
                raise RuntimeError(f"the application dies: '{node.GetName()}' has lost its display node")

        segmentation = segmentationNode.GetSegmentation()
        for change in (segmentation.SegmentAdded, segmentation.SegmentRemoved):
            segmentation.AddObserver(change, onChange)
