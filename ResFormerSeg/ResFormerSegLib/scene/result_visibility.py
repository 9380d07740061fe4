"""Which results are to be seen: the newest one, and each only over its own image.

Results are hidden by the eye of the Data module, never deleted. A result counts as being over its own image in a view
that shows the image, a volume that was computed of it, or another image of the same study.
"""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ResFormerSegLib.scene.result_nodes import REPORT, VOLUME_ROLE
from ResFormerSegLib.scene.shown_frame import FRAME, showsFrame
from ResFormerSegLib.scene.slice_positions import viewsWithImages

WATCHED = ("vtkMRMLSliceCompositeNode", "vtkMRMLSegmentationNode", "vtkMRMLSequenceBrowserNode")
# Attributes of display nodes, which are saved with the scene: what was hidden or restricted here, not by the user.
HIDDEN, RESTRICTED = "ResFormerSeg.HiddenOverOtherImages", "ResFormerSeg.RestrictedToOwnImage"


def showOnly(segmentationNode) -> None:
    """Hides all other results of this module; earlier ones of its image are not shown again.

    segmentationNode: of the newest result; None for one without.
    """
    image, frame = _ownImageOf(segmentationNode) if segmentationNode is not None else (None, None)
    for node in resultSegmentations():
        if node is segmentationNode:
            continue
        otherImage, otherFrame = _ownImageOf(node)
        if image is not None and otherImage is image and frame in (None, otherFrame):  # None is one of all frames
            _forgetHidden(node)
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

    Another frame of a sequence is another image. Where some views show its image and others another one, it is
    restricted to the former. What the user hides by hand stays hidden. To be told by `present` of each new result that
    is to be shown; of others, such as those of a script or of a scene that is loaded, it learns from their nodes.

    onUpdated: called when views or frames may show another image.
    """

    def __init__(self, onUpdated: Callable[[], None] = lambda: None) -> None:
        VTKObservationMixin.__init__(self)
        self._onUpdated = onUpdated
        self._tags: dict[object, list[int]] = {}  # of the watched nodes; the mixin would keep deleted ones alive
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.NodeAddedEvent, self._onNodeAdded)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        for event in (scene.EndImportEvent, scene.EndBatchProcessEvent):
            self.addObserver(scene, event, self._onChanged)
        for className in WATCHED:
            for node in slicer.util.getNodesByClass(className):
                self._watch(node)
        self.update()

    def present(self, segmentationNode) -> None:
        """Shows a new result alone."""
        showOnly(segmentationNode)
        if segmentationNode is not None:
            _forgetHidden(segmentationNode)
            setVisible(segmentationNode, True)
        self.update()

    def update(self) -> None:
        scene = slicer.mrmlScene
        if scene.IsBatchProcessing() or scene.IsClosing() or scene.IsImporting():
            return
        views = viewsWithImages()
        for node in resultSegmentations():
            _updateNode(node, views)
        self._onUpdated()

    def cleanup(self) -> None:
        self._onUpdated = lambda: None
        self.removeObservers()
        for node in list(self._tags):
            self._unwatch(node)

    def _watch(self, node) -> None:
        """The images of a view, the frame of a browser, or the image of a segmentation, which a run sets last."""
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


def _updateNode(node, views: list[tuple[object, list[str]]]) -> None:
    displays = _displays(node)
    wasHidden = any(display.GetAttribute(HIDDEN) for display in displays)
    if not (wasHidden or isVisible(node)):
        return
    _adoptClone(node)
    image, frame = _ownImageOf(node)
    isOwn = image is not None  # of a deleted image no view can show the result over its own one
    if isOwn:
        shows = showsFrame(image, frame)
        isOwn = not wasHidden if shows is None else shows
    mayShow = [isOwn and any(_belong(image, shown) for shown in volumes) for _view, volumes in views]
    if not any(mayShow):
        if views and not wasHidden:
            for display in displays:
                if display.GetVisibility():
                    display.SetAttribute(HIDDEN, "true")
                    display.SetVisibility(False)
        return
    others = {view.GetID() for (view, _volumes), own in zip(views, mayShow, strict=True) if not own}
    for display in displays:
        _restrict(display, others)
        if display.GetAttribute(HIDDEN):
            display.RemoveAttribute(HIDDEN)
            display.SetVisibility(True)


def _restrict(display, others: set[str]) -> None:
    """To all views but these; a restriction that the user made himself is left alone."""
    isOurs = bool(display.GetAttribute(RESTRICTED))
    if (display.GetNumberOfViewNodeIDs() and not isOurs) or not (others or isOurs):
        return
    display.RemoveAllViewNodeIDs()
    for view in slicer.util.getNodesByClass("vtkMRMLAbstractViewNode") if others else []:
        if view.GetID() not in others:
            display.AddViewNodeID(view.GetID())
    display.SetAttribute(RESTRICTED, "true" if others else None)


def _forgetHidden(node) -> None:
    """It is not shown again by itself."""
    for display in _displays(node):
        display.RemoveAttribute(HIDDEN)


def _adoptClone(node) -> None:
    """The Data module's *Clone* copies the report, but no references: else the clone would seem to have no image."""
    if node.GetNodeReference(VOLUME_ROLE) is not None:
        return
    for other in resultSegmentations():
        image = other.GetNodeReference(VOLUME_ROLE)
        if image is not None and other.GetAttribute(REPORT) == node.GetAttribute(REPORT):
            node.SetNodeReferenceID(VOLUME_ROLE, image.GetID())
            return


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


def _ownImageOf(segmentationNode) -> tuple[object, str | None]:
    """Volume and frame; the volume is None when it was deleted."""
    return segmentationNode.GetNodeReference(VOLUME_ROLE), segmentationNode.GetAttribute(FRAME)


def _displays(node) -> list:
    displays = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
    return [display for display in displays if display is not None]
