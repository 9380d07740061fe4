"""Measures the segments of the result anew when the user has edited them, for instance in the Segment Editor."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer
from slicer.util import VTKObservationMixin

from ResFormerSegLib.scene.segment_sizes import measureSegments
from ResFormerSegLib.scene.segment_source import lastTouched
from ResFormerSegLib.scene.user_edits import FINGERPRINT, hasManualEdits

PAUSE_MILLISECONDS = 300  # after the last stroke; a stroke is many changes


class EditWatch(VTKObservationMixin):
    """onEdited: called with rows as of `measureSegments`, or None when the segments are those of the run again."""

    def __init__(self, onEdited: Callable[[list[dict] | None], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onEdited = onEdited
        self._segmentationId: str | None = None
        self._inMillimetres = True
        self._isActive, self._isDue = True, False
        self._seen: list = []  # what was last measured, see `lastTouched`
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.connect("timeout()", self.measure)

    def watch(self, segmentationNode, inMillimetres: bool) -> None:
        """In place of the previous one; None watches none."""
        self.stop()
        if segmentationNode is None:
            return
        self._segmentationId, self._inMillimetres = segmentationNode.GetID(), inMillimetres
        self._seen = lastTouched(segmentationNode)
        for event in (
            slicer.vtkSegmentation.SourceRepresentationModified,
            slicer.vtkSegmentation.SegmentModified,  # a new name; voxels that a script has changed
            slicer.vtkSegmentation.SegmentAdded,
            slicer.vtkSegmentation.SegmentRemoved,
        ):
            self.addObserver(segmentationNode.GetSegmentation(), event, self._onChanged)

    def stop(self) -> None:
        self._timer.stop()
        self.removeObservers()
        self._segmentationId = None
        self._isDue = False

    def setActive(self, active: bool) -> None:
        """While the module is not shown, painting is not disturbed by measurements."""
        self._isActive = active
        if active and self._isDue:
            self.measure()

    def cleanup(self) -> None:
        self.stop()
        self._timer.disconnect("timeout()", self.measure)

    def measure(self) -> None:
        node = slicer.mrmlScene.GetNodeByID(self._segmentationId) if self._segmentationId else None
        self._isDue = False
        self._seen = lastTouched(node) if node is not None else []
        if node is not None and node.GetAttribute(FINGERPRINT):  # else it was never shown in the panel before
            rows = measureSegments(node, self._inMillimetres) if hasManualEdits(node) else None
            self._onEdited(rows)

    def _onChanged(self, caller=None, event=None) -> None:
        node = slicer.mrmlScene.GetNodeByID(self._segmentationId) if self._segmentationId else None
        if node is None or lastTouched(node) == self._seen:
            return
        self._isDue = True
        if self._isActive:
            self._timer.start()
