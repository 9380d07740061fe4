"""Which results are to be seen: the newest one, and each only over its own image.

Results are hidden by the eye of the Data module, never deleted. A result counts as being over its own image in a view
that shows the image, a volume that was computed of it, or another image of the same study.
"""

from __future__ import annotations

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ResFormerSegLib.scene.result_nodes import REPORT, VOLUME_ROLE
from ResFormerSegLib.scene.slice_positions import sliceViewsInSight

WATCHED = ("vtkMRMLSliceCompositeNode", "vtkMRMLSegmentationNode")


def showOnly(segmentationNode) -> None:
    """Hides all other results of this module. segmentationNode: of the newest result; None for one without."""
    for node in resultSegmentations():
        if node is not segmentationNode:
            setVisible(node, False)


def resultSegmentations() -> list:
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return [node for node in nodes if node.GetAttribute(REPORT)]


def isVisible(segmentationNode) -> bool:
    return any(display.GetVisibility() for display in _displays(segmentationNode))


def setVisible(segmentationNode, visible: bool) -> None:
    for display in _displays(segmentationNode):
        if display.GetVisibility() != visible:
            display.SetVisibility(visible)


class OwnImageOnly(VTKObservationMixin):
    """Hides a result when the slice views turn to another image, and shows it again when they turn back.

    Where some views show its image and others another one, it is restricted to the former. What the user hides by hand
    stays hidden. To be told by `present` of each new result that is to be shown; of others, such as those of a script,
    it learns from their nodes.
    """

    def __init__(self) -> None:
        VTKObservationMixin.__init__(self)
        self._hidden: set[str] = set()  # ids of the results that were hidden here
        self._restricted: set[str] = set()
        self._tags: dict[object, list[int]] = {}  # of the watched nodes; the mixin would keep deleted ones alive
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAddedEvent, self._onNodeAdded)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        for event in (scene.EndImportEvent, scene.EndBatchProcessEvent):
            self.addObserver(scene, event, self._onChanged)
        self.addObserver(scene, scene.EndCloseEvent, self._onClosed)
        for className in WATCHED:
            for node in slicer.util.getNodesByClass(className):
                self._watch(node)

    def present(self, segmentationNode) -> None:
        """Shows a new result alone; earlier ones of its image are not shown again."""
        image = _imageOf(segmentationNode) if segmentationNode is not None else None
        for node in resultSegmentations():
            if image is not None and _imageOf(node) is image:
                self._hidden.discard(node.GetID())
        showOnly(segmentationNode)
        if segmentationNode is not None:
            setVisible(segmentationNode, True)
        self.update()

    def update(self) -> None:
        scene = slicer.mrmlScene
        if scene.IsBatchProcessing() or scene.IsClosing() or scene.IsImporting():
            return
        views = _views()
        for node in resultSegmentations():
            self._updateNode(node, views)

    def cleanup(self) -> None:
        self.removeObservers()
        for node in list(self._tags):
            self._unwatch(node)

    def _updateNode(self, node, views: list[tuple[object, list[str]]]) -> None:
        wasHidden = node.GetID() in self._hidden
        image = _imageOf(node)
        if not (wasHidden or isVisible(node)):
            return
        # Of a deleted image no view can show the result over its own one.
        mayShow = [image is not None and any(_belong(image, shown) for shown in volumes) for _view, volumes in views]
        if not any(mayShow):
            if views and not wasHidden:
                self._hidden.add(node.GetID())
                setVisible(node, False)
            return
        others = {view.GetID() for (view, _volumes), own in zip(views, mayShow, strict=True) if not own}
        self._restrict(node, others)
        if wasHidden:
            self._hidden.discard(node.GetID())
            setVisible(node, True)

    def _restrict(self, node, others: set[str]) -> None:
        """To all views but these; a restriction that the user made himself is left alone."""
        isOurs = node.GetID() in self._restricted
        for display in _displays(node):
            if (display.GetNumberOfViewNodeIDs() and not isOurs) or not (others or isOurs):
                continue
            display.RemoveAllViewNodeIDs()
            for view in slicer.util.getNodesByClass("vtkMRMLAbstractViewNode") if others else []:
                if view.GetID() not in others:
                    display.AddViewNodeID(view.GetID())
        (self._restricted.add if others else self._restricted.discard)(node.GetID())

    def _watch(self, node) -> None:
        """The images of a view, or the image of a segmentation, which a run sets once all else is in place."""
        if node.IsA("vtkMRMLSegmentationNode"):
            events = [node.ReferenceAddedEvent, node.ReferenceModifiedEvent]
        else:
            events = [vtk.vtkCommand.ModifiedEvent]
        self._unwatch(node)
        self._tags[node] = [node.AddObserver(event, self._onChanged) for event in events]

    def _unwatch(self, node) -> None:
        for tag in self._tags.pop(node, []):
            node.RemoveObserver(tag)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller, event, node) -> None:
        if any(map(node.IsA, WATCHED)):
            self._watch(node)
            self.update()  # a segmentation may come back by Undo, for instance

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller, event, node) -> None:
        self._unwatch(node)
        if node.IsA("vtkMRMLVolumeNode"):
            self.update()

    def _onChanged(self, caller=None, event=None) -> None:
        self.update()

    def _onClosed(self, caller=None, event=None) -> None:
        self._hidden, self._restricted = set(), set()


def _views() -> list[tuple[object, list[str]]]:
    """Slice views in sight that show an image: the view's node, and the ids of its volumes."""
    logics = slicer.app.applicationLogic().GetSliceLogics()
    inSight = sliceViewsInSight()
    views = []
    for index in range(logics.GetNumberOfItems() if logics else 0):
        logic = logics.GetItemAsObject(index)
        composite, view = logic.GetSliceCompositeNode(), logic.GetSliceNode()
        if composite is None or view not in inSight:
            continue
        volumes = [composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()]
        if any(volumes):
            views.append((view, [volume for volume in volumes if volume]))
    return views


def _belong(image, shownId: str) -> bool:
    """Whether a result of the image may lie over a shown volume."""
    shown = slicer.mrmlScene.GetNodeByID(shownId)
    if shown is None or shown is image or shown.GetNodeReference(VOLUME_ROLE) is image:
        return shown is not None
    study = _studyOf(image)
    return bool(study) and study == _studyOf(shown)


def _studyOf(volumeNode) -> int:
    """The DICOM study's item in the subject hierarchy; 0 for an image that was not loaded from DICOM."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(volumeNode)
    return hierarchy.GetItemAncestorAtLevel(item, "Study") if item else 0


def _imageOf(segmentationNode):
    """None when it was deleted."""
    return segmentationNode.GetNodeReference(VOLUME_ROLE)


def _displays(node) -> list:
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    return [display for display in displays if display is not None]
