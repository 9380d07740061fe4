"""Reports which slice of a volume is shown while the user scrolls."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ResFormerSegLib.event_loop import LaterCall, callLater
from ResFormerSegLib.scene.slice_positions import sliceOnDisplay, sliceShownBy, sliceViewsInSight

REST_MILLISECONDS = 40  # scrolling modifies a slice node up to some hundred times a second


class SliceFollower(VTKObservationMixin):
    """Calls `onSlice` with the index of the slice, when it changes, at most 25 times a second.

    >>> follower = SliceFollower(chart.mark)
    >>> follower.follow(volumeNode, arrayAxis=0)
    >>> follower.stop()
    """

    def __init__(self, onSlice: Callable[[int], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onSlice = onSlice
        self._volumeId, self._arrayAxis, self._reported = None, 0, None
        self._movedIds: list[str] = []  # of the views that moved since the last report
        self._due: LaterCall | None = None

    def follow(self, volumeNode, arrayAxis: int) -> None:
        """Reports the slice that is shown at once, and each change from now on."""
        self.stop()
        self._volumeId, self._arrayAxis, self._reported = volumeNode.GetID(), arrayAxis, None
        self.addObserver(slicer.mrmlScene, slicer.vtkMRMLScene.NodeAddedEvent, self._onNodeAdded)
        for sliceNode in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            self.addObserver(sliceNode, vtk.vtkCommand.ModifiedEvent, self._onSliceMoved)
        self._reportSlice(sliceOnDisplay(volumeNode, arrayAxis))

    def stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self.removeObservers()
        self._volumeId = None

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeAdded(self, caller, event, node) -> None:
        """The user may switch to a layout with more slice views."""
        if node.IsA("vtkMRMLSliceNode"):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onSliceMoved)

    def _onSliceMoved(self, sliceNode, event) -> None:
        if sliceNode.GetID() not in self._movedIds:
            self._movedIds.append(sliceNode.GetID())
        if self._due is None:
            self._due = callLater(self._report, REST_MILLISECONDS)

    def _report(self) -> None:
        self._due = None
        movedIds, self._movedIds = self._movedIds, []
        volumeNode = slicer.mrmlScene.GetNodeByID(self._volumeId) if self._volumeId else None
        if volumeNode is None or volumeNode.GetImageData() is None:
            return
        for sliceNode in sliceViewsInSight():
            if sliceNode.GetID() in movedIds:
                self._reportSlice(sliceShownBy(sliceNode, volumeNode, self._arrayAxis))

    def _reportSlice(self, index: int | None) -> None:
        if index is not None and index != self._reported:
            self._reported = index
            self._onSlice(index)
