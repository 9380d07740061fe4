"""Changes of the scene that succeed or are undone as a whole, and the place of nodes in the subject hierarchy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer


@contextmanager
def allOrNothing(segmentationNode=None) -> Iterator[None]:
    """When the block fails, the nodes that it added are removed.

    `segmentationNode` gets its segments back, with the visibility and opacity that each had in every display node.
    """
    before = _nodeIds()
    segments, displays = None, []
    if segmentationNode is not None:
        segments = slicer.vtkSegmentation()
        segments.DeepCopy(segmentationNode.GetSegmentation())
        for index in range(segmentationNode.GetNumberOfDisplayNodes()):
            display = segmentationNode.GetNthDisplayNode(index)
            saved = display.CreateNodeInstance()
            saved.CopyContent(display)
            displays.append((display, saved))
    try:
        yield
    except BaseException:
        _removeNodesBut(before)
        if segments is not None:
            segmentationNode.GetSegmentation().DeepCopy(segments)
        for display, saved in displays:  # after the segments, which come back with a display like new
            display.CopyContent(saved)
        raise


def placeBeside(node, volumeNode) -> None:
    """Puts the node into the volume's study (or folder) in the subject hierarchy."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item, volumeItem = hierarchy.GetItemByDataNode(node), hierarchy.GetItemByDataNode(volumeNode)
    if item and volumeItem:
        hierarchy.SetItemParent(item, hierarchy.GetItemParent(volumeItem))


def _nodeIds() -> list[str]:
    scene = slicer.mrmlScene
    return [scene.GetNthNode(index).GetID() for index in range(scene.GetNumberOfNodes())]


def _removeNodesBut(kept: list[str]) -> None:
    for nodeId in reversed(_nodeIds()):
        node = slicer.mrmlScene.GetNodeByID(nodeId)
        if nodeId not in kept and node is not None:  # it may have gone with another one
            slicer.mrmlScene.RemoveNode(node)
