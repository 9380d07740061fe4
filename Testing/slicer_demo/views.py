"""The two views of the demonstration: the axial slice with the largest lesion, and the lesion in the head in 3D."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from slicer_bed.views import SliceView, ThreeDView
from slicer_demo.head_surface import addHeadSurface

SIZE = (800, 800)


def renderViews(
    bed, volumeNode, segmentationNode, onShown=lambda: None, size: tuple[int, int] = SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 (height, width, 3) of the slice view and the 3D view, each of `size` (width, height).

    `onShown` is called while both views are in the scene.
    """
    _prepareDisplay(volumeNode, segmentationNode)
    addHeadSurface(volumeNode)
    with SliceView(bed, "Red", "Axial", size) as sliceView, ThreeDView(bed, size=size) as view:
        sliceView.show(volumeNode)
        sliceView.node.JumpSliceByOffsetting(*_largestSlice(volumeNode, segmentationNode))
        flat = sliceView.grab()
        sliceView.node.SetSliceVisible(True)
        view.node.SetBoxVisible(False)
        view.node.SetAxisLabelsVisible(False)
        view.node.SetUseDepthPeeling(True)  # draws what is translucent in the right order
        view.node.SetBackgroundColor(0.03, 0.04, 0.06)
        view.node.SetBackgroundColor2(0.12, 0.15, 0.20)
        view.lookFrom(_direction(volumeNode, segmentationNode), zoom=1.3)
        solid = view.grab()
        onShown()
    return flat, solid


def _prepareDisplay(volumeNode, segmentationNode) -> None:
    low, high = (float(value) for value in np.percentile(slicer.util.arrayFromVolume(volumeNode), (1, 99.3)))
    display = volumeNode.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(low, high)
    display.ApplyThresholdOn()  # the air around the head is transparent, so that the slice does not hide the 3D view
    display.SetLowerThreshold(low + 0.08 * (high - low))
    display = segmentationNode.GetDisplayNode()
    display.SetOpacity2DFill(0.25)
    display.SetSliceIntersectionThickness(3)
    segmentationNode.GetSegmentation().SetConversionParameter("Smoothing factor", "0.8")
    segmentationNode.CreateClosedSurfaceRepresentation()


def _largestSlice(volumeNode, segmentationNode) -> tuple[float, float, float]:
    """The centre in RAS of the lesion in the slice that shows most of it; of the volume when nothing was segmented."""
    lesion = lesionMask(volumeNode, segmentationNode)
    k = int(lesion.sum((1, 2)).argmax())
    inSlice = np.argwhere(lesion[k])
    j, i = inSlice.mean(0) if len(inSlice) else (np.array(lesion.shape[1:]) - 1) / 2
    toRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(toRas)
    return toRas.MultiplyPoint((i, j, k if len(inSlice) else lesion.shape[0] // 2, 1))[:3]


def lesionMask(volumeNode, segmentationNode) -> np.ndarray:
    """All segments together on the volume's grid, boolean (k, j, i)."""
    mask = np.zeros(slicer.util.arrayFromVolume(volumeNode).shape, bool)
    for segmentId in segmentationNode.GetSegmentation().GetSegmentIDs():
        mask |= slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, segmentId, volumeNode).astype(bool)
    return mask


def _direction(volumeNode, segmentationNode) -> tuple[float, float, float]:
    """From the side where the lesion is, from in front and a little above."""
    bounds = [0.0] * 6
    volumeNode.GetRASBounds(bounds)
    side = _largestSlice(volumeNode, segmentationNode)[0] - (bounds[0] + bounds[1]) / 2
    return (1.0 if side >= 0 else -1.0, 0.8, 0.6)
