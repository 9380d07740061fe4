"""Notices that one of two compared nodes is no longer what was compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import slicer
import vtk
from slicer.util import VTKObservationMixin

from ResFormerSegLib.scene.segment_source import lastTouched


class ComparisonWatch(VTKObservationMixin):
    """onChanged: called when segments or voxels of a watched node have changed, or its place in the world.

    Events come for changes of colour and display, too: the node is looked at.
    """

    def __init__(self, onChanged: Callable[[], None]) -> None:
        VTKObservationMixin.__init__(self)
        self._onChanged = onChanged

    def watch(self, *nodes) -> None:
        """In place of the previous ones: segmentations and label maps."""
        self.stop()
        kind = slicer.vtkSegmentation
        ofSegments = (kind.SourceRepresentationModified, kind.SegmentModified, kind.SegmentAdded, kind.SegmentRemoved)
        ofVoxels = (slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, vtk.vtkCommand.ModifiedEvent)
        for node in nodes:
            look = partial(self._look, node, lastTouched(node))
            self.addObserver(node, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._onMoved)
            for event in ofSegments if node.IsA("vtkMRMLSegmentationNode") else ofVoxels:
                self.addObserver(node, event, look)

    def stop(self) -> None:
        self.removeObservers()

    def _look(self, node, state: list, caller=None, event=None) -> None:
        if lastTouched(node) != state:
            self._onChanged()

    def _onMoved(self, caller=None, event=None) -> None:
        self._onChanged()
