"""Keeps the subject hierarchy in step with the scene: in the application that is the work of Qt plugins.

A node that appears gets an item under the scene, a node that goes takes its item along, and a segmentation has one
child per segment. A hidden node gets none; of a hidden segmentation Qt then prints an error for each segment.
"""

import slicer
import vtk

from slicer_bed.pythonqt import QtCore

# The first match counts: a label map is a scalar volume, too.
PLUGIN_OF_CLASS = (
    ("vtkMRMLSegmentationNode", "Segmentations"),
    ("vtkMRMLLabelMapVolumeNode", "LabelMaps"),
    ("vtkMRMLScalarVolumeNode", "Volumes"),
    ("vtkMRMLModelNode", "Models"),
    ("vtkMRMLTableNode", "Tables"),
    ("vtkMRMLTransformNode", "Transforms"),
)


class SubjectHierarchySync:
    def __init__(self, scene) -> None:
        self._scene = scene
        self._tags = [
            scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._onNodeAdded),
            scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, self._onNodeAboutToBeRemoved),
        ]

    def stop(self) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._tags.clear()

    def _hierarchy(self):
        return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self._scene)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller, event, node) -> None:
        if node.IsA("vtkMRMLSubjectHierarchyNode"):
            slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self._scene)
            return
        plugin = next((plugin for className, plugin in PLUGIN_OF_CLASS if node.IsA(className)), None)
        if plugin is None or self._scene.IsImporting():
            return
        if not node.GetHideFromEditors():
            hierarchy = self._hierarchy()
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node, plugin)
        if node.IsA("vtkMRMLSegmentationNode"):
            for segmentEvent in ("SegmentAdded", "SegmentRemoved", "SegmentModified"):
                node.AddObserver(getattr(slicer.vtkSegmentation, segmentEvent), self._onSegmentsChanged)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAboutToBeRemoved(self, caller, event, node) -> None:
        hierarchy = None if self._scene.IsClosing() else self._hierarchy()
        item = hierarchy.GetItemByDataNode(node) if hierarchy and node is not hierarchy else 0
        if item:
            hierarchy.RemoveItem(item, False, True)

    def _onSegmentsChanged(self, segmentationNode, event) -> None:
        hierarchy = self._hierarchy()
        item = hierarchy.GetItemByDataNode(segmentationNode)
        if not item:
            QtCore.qWarning(f"Unable to find subject hierarchy item for segmentation node {segmentationNode.GetName()}")
            return
        attribute = slicer.vtkMRMLSegmentationNode.GetSegmentIDAttributeName()
        children = vtk.vtkIdList()
        hierarchy.GetItemChildren(item, children, False)
        childIds = [children.GetId(index) for index in range(children.GetNumberOfIds())]
        known = {hierarchy.GetItemAttribute(child, attribute): child for child in childIds}
        segmentation = segmentationNode.GetSegmentation()
        for segmentId in segmentation.GetSegmentIDs():
            name = segmentation.GetSegment(segmentId).GetName() or segmentId
            child = known.pop(segmentId, None)
            if child is None:
                child = hierarchy.CreateHierarchyItem(item, name, "Segments")
                hierarchy.SetItemAttribute(child, attribute, segmentId)
            hierarchy.SetItemName(child, name)
        for child in known.values():
            hierarchy.RemoveItem(child)
