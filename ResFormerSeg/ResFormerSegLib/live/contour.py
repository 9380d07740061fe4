"""The segmentation of the live answer: one node that is updated in place, visible only over its own image."""

from __future__ import annotations

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.live.feed import Frame
from ResFormerSegLib.runs.input_watch import weakReference
from ResFormerSegLib.scene.result_display import styleSegmentation
from ResFormerSegLib.scene.result_nodes import addNodeBeside
from ResFormerSegLib.scene.segmentation_import import addSegments

LIVE = "ResFormerSeg.Live"  # attribute of the nodes that live mode makes: the panel does not take them for new images


class LiveContour:
    """The label map holds one slice of the volume's grid: no other slice can show it."""

    def __init__(self) -> None:
        self._node = vtk.vtkWeakReference()
        self._images: list = []  # a label map for each layer
        self._segments: list[dict] = []

    @property
    def node(self):
        """None before the first answer, and after it was deleted."""
        node = self._node.Get()
        return node if node is not None and node.GetScene() is slicer.mrmlScene else None

    @property
    def isVisible(self) -> bool:
        node = self.node
        return node is not None and node.GetDisplayNode() is not None and bool(node.GetDisplayNode().GetVisibility())

    def hide(self) -> None:
        self._setVisible(False)

    def show(self, frame: Frame, labels, segments: list[dict], volumeNode) -> None:
        """labels: uint8 (layers, and the two axes of the volume's grid across the slice). segments: of the report."""
        if not segments:
            return
        if self.node is None or self.node.GetDisplayNode() is None or _names(segments) != _names(self._segments):
            self._make(frame, labels, segments, volumeNode)
        else:
            for image, layer in zip(self._images, labels, strict=True):
                _fill(image, frame, layer)
                image.Modified()
        if self.node.GetTransformNodeID() != volumeNode.GetTransformNodeID():
            self.node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
        self._setVisible(True)

    def remove(self) -> None:
        if self.node is not None:
            removeWithDisplay(self.node)
        self._images, self._segments = [], []

    def _make(self, frame: Frame, labels, segments: list[dict], volumeNode) -> None:
        self.remove()
        name = _("{name} live").format(name=volumeNode.GetName())
        node = addNodeBeside(volumeNode, "vtkMRMLSegmentationNode", name)
        self._node = weakReference(node)
        node.SetSaveWithScene(False)
        node.SetAttribute(LIVE, "segmentation")
        styleSegmentation(node, volumeNode)
        node.GetDisplayNode().SetSaveWithScene(False)
        node.GetDisplayNode().SetVisibility3D(False)
        self._images = [slicer.vtkOrientedImageData() for _layer in labels]
        for image, layer in zip(self._images, labels, strict=True):
            _fill(image, frame, layer)
        addSegments(node, self._images, segments)
        self._segments = segments

    def _setVisible(self, visible: bool) -> None:
        display = self.node.GetDisplayNode() if self.node is not None else None
        if display is not None and bool(display.GetVisibility()) != visible:
            display.SetVisibility(visible)


def removeWithDisplay(node) -> None:
    """Display nodes do not leave the scene with the node that they belong to."""
    display = node.GetDisplayNode()
    slicer.mrmlScene.RemoveNode(node)
    if display is not None and display.GetScene() is slicer.mrmlScene:
        slicer.mrmlScene.RemoveNode(display)


def _names(segments: list[dict]) -> list[tuple]:
    return [(row["id"], row["layer"], row["value"]) for row in segments]


def _fill(image, frame: Frame, layer) -> None:
    """The label map with the labels of the frame's slice, where that lies in the volume."""
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    lengths = [length - 1 for length in reversed(frame.exported.shape)]
    extent = [bound for length in lengths for bound in (0, length)]
    component = 2 - frame.place.axis
    extent[2 * component] = extent[2 * component + 1] = frame.place.index
    scalars = vtk.vtkUnsignedCharArray()  # the segmentation's own: Python must not be free to change or drop it
    scalars.SetNumberOfValues(layer.size)
    vtk_to_numpy(scalars)[:] = np.ascontiguousarray(layer).reshape(-1)
    image.SetExtent(*extent)
    image.SetImageToWorldMatrix(frame.exported.ijkToRas)
    image.GetPointData().SetScalars(scalars)
