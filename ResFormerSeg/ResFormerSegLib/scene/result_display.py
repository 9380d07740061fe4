"""Shows a result: volume and segmentation in the slice views, surfaces in 3D, at the largest lesion."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import slicer
import vtk

from ResFormerSegLib.scene.slice_positions import jumpSliceViews, positionOfSlice

# Voxels of all label maps, counted once for each segment in them, above which surfaces are made by the surface nets
# method. Measured on one core for an organ that fills 17 million voxels: 1.7 s as is, 0.4 s with it.
MANY_VOXELS = 2_000_000

# In the slice views, so that both the anatomy inside a new segmentation and its contour are visible.
FILL_OPACITY, CONTOUR_THICKNESS = 0.25, 2


def styleSegmentation(segmentationNode, volumeNode) -> None:
    """Of a new result. In a colour picture the contour only: a fill would change the colours of the lesion."""
    segmentationNode.CreateDefaultDisplayNodes()
    display = segmentationNode.GetDisplayNode()
    display.SetOpacity2DFill(FILL_OPACITY)
    display.SetVisibility2DFill(volumeNode.GetImageData().GetNumberOfScalarComponents() == 1)
    display.SetSliceIntersectionThickness(CONTOUR_THICKNESS)


def showResultInViews(result, volumeNode) -> None:
    """Changes the views and display nodes only; works without views, too (`--no-main-window`).

    result: a ProcessingResult. Views that show the volume already, in whichever layer, keep their layers and zoom.
    """
    showInSlices(result, volumeNode)
    for step in surfaceSteps(result, volumeNode):
        step()


def showInSlices(result, volumeNode) -> None:
    """The first part of `showResultInViews`: what the user looks at."""
    showVolume(volumeNode)
    if result.segmentationNode is not None:
        _showSegmentation(result.segmentationNode)
    jumpToLargestLesion(result, volumeNode)


def surfaceSteps(result, volumeNode) -> list[Callable[[], None]]:
    """The second part, which takes much longer: a surface for each segment, all shown by the last step.

    A 2D image has no surfaces. Between two steps the application may handle its events.
    """
    node = result.segmentationNode
    if node is None:
        return []
    isSolid = min(volumeNode.GetImageData().GetDimensions()) > 1
    surfaces: dict[str, vtk.vtkPolyData] = {}
    segments = list(node.GetSegmentation().GetSegmentIDs()) if isSolid else []
    steps = [partial(_makeSurface, node, identifier, surfaces) for identifier in segments]
    return [*steps, partial(_showInThreeD, node, isSolid, surfaces)]


def jumpToLargestLesion(result, volumeNode) -> None:
    """Moves the slice views there; does nothing when nothing was segmented."""
    lesion = result.report.get("largest_lesion")
    if lesion:
        axis = result.report["slice_axis"]["array_axis"]
        jumpSliceViews(positionOfSlice(volumeNode, axis, lesion["slice"], lesion["center_ijk"]))


def showVolume(volumeNode) -> None:
    """In all slice views, as far as they do not show it."""
    isFlat = min(volumeNode.GetImageData().GetDimensions()) == 1
    for sliceNode, compositeNode, sliceLogic in _sliceViews():
        shown = (compositeNode.GetBackgroundVolumeID(), compositeNode.GetForegroundVolumeID())
        if volumeNode.GetID() in shown:
            continue
        compositeNode.SetBackgroundVolumeID(volumeNode.GetID())
        if isFlat:  # else an oblique image of one slice would be seen as a line only
            sliceLogic.RotateSliceToLowestVolumeAxes(False)
        sliceLogic.FitSliceToBackground()
        sliceLogic.SnapSliceOffsetToIJK()
        sliceNode.UpdateMatrices()


def _sliceViews():
    """(slice node, composite node, slice logic) of every slice view of the application."""
    logics = slicer.app.applicationLogic().GetSliceLogics()
    for index in range(logics.GetNumberOfItems() if logics else 0):
        logic = logics.GetItemAsObject(index)
        if logic.GetSliceNode() is not None and logic.GetSliceCompositeNode() is not None:
            yield logic.GetSliceNode(), logic.GetSliceCompositeNode(), logic


def _showSegmentation(segmentationNode) -> None:
    if segmentationNode.GetDisplayNode() is None:
        segmentationNode.CreateDefaultDisplayNodes()
    display = segmentationNode.GetDisplayNode()
    display.SetVisibility(True)
    display.SetVisibility2D(True)


def _makeSurface(segmentationNode, identifier: str, surfaces: dict[str, vtk.vtkPolyData]) -> None:
    """Makes the closed surface of a segment, if it has none yet, in a segmentation that is not in the scene."""
    if segmentationNode.GetScene() is None:
        return
    segmentation = segmentationNode.GetSegmentation()
    segment, converter = segmentation.GetSegment(identifier), slicer.vtkSegmentationConverter
    surface, labels = (
        converter.GetSegmentationClosedSurfaceRepresentationName(),
        converter.GetSegmentationBinaryLabelmapRepresentationName(),
    )
    if segment is None or segment.GetRepresentation(surface) or not segment.GetRepresentation(labels):
        return
    _chooseMethod(segmentation)
    alone, copy = slicer.vtkSegmentation(), slicer.vtkSegment()
    alone.SetSourceRepresentationName(labels)
    alone.CopyConversionParameters(segmentation)
    copy.AddRepresentation(labels, segment.GetRepresentation(labels))
    copy.SetLabelValue(segment.GetLabelValue())
    alone.AddSegment(copy, identifier)
    if alone.CreateRepresentation(surface):
        surfaces[identifier] = copy.GetRepresentation(surface)


def _showInThreeD(segmentationNode, isSolid: bool, surfaces: dict[str, vtk.vtkPolyData]) -> None:
    if segmentationNode.GetScene() is None or segmentationNode.GetDisplayNode() is None:
        return
    segmentationNode.GetDisplayNode().SetVisibility3D(isSolid)
    if isSolid:
        name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
        for identifier, surface in surfaces.items():
            segment = segmentationNode.GetSegmentation().GetSegment(identifier)
            if segment is not None:
                segment.AddRepresentation(name, surface)
        _chooseMethod(segmentationNode.GetSegmentation())
        segmentationNode.CreateClosedSurfaceRepresentation()  # what is still missing, and tells the views
    _centreThreeDViews()


def _chooseMethod(segmentation) -> None:
    """Large segments get their surface by the surface nets method with its own smoothing."""
    rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule
    if _voxelsToConvert(segmentation) > MANY_VOXELS:
        segmentation.SetConversionParameter(rule.GetConversionMethodParameterName(), "1")
        segmentation.SetConversionParameter(rule.GetSurfaceNetInternalSmoothingParameterName(), "1")


def _voxelsToConvert(segmentation) -> int:
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    labelmaps = (
        segmentation.GetNthSegment(index).GetRepresentation(name) for index in range(segmentation.GetNumberOfSegments())
    )
    return sum(labelmap.GetNumberOfPoints() for labelmap in labelmaps if labelmap is not None)


def _centreThreeDViews() -> None:
    """Fits all visible content into the view; the direction of view stays."""
    layoutManager = slicer.app.layoutManager()
    if layoutManager is None:
        return
    for index in range(layoutManager.threeDViewCount):
        view = layoutManager.threeDWidget(index).threeDView()
        view.resetFocalPoint()
        view.resetCamera(False, True, True)
