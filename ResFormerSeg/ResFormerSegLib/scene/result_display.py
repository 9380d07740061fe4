"""Shows a result: volume and segmentation in the slice views, surfaces in 3D, at the largest lesion."""

from __future__ import annotations

import slicer

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
    showInThreeD(result, volumeNode)


def showInSlices(result, volumeNode) -> None:
    """The first part of `showResultInViews`: what the user looks at."""
    _showVolume(volumeNode)
    if result.segmentationNode is not None:
        _showSegmentation(result.segmentationNode)
    jumpToLargestLesion(result, volumeNode)


def showInThreeD(result, volumeNode) -> None:
    """The second part, which takes much longer: surfaces, which a 2D image has none of."""
    node = result.segmentationNode
    if node is None or node.GetScene() is None or node.GetDisplayNode() is None:
        return
    isSolid = min(volumeNode.GetImageData().GetDimensions()) > 1
    node.GetDisplayNode().SetVisibility3D(isSolid)
    if isSolid:
        makeSurface(node)
    _centreThreeDViews()


def jumpToLargestLesion(result, volumeNode) -> None:
    """Moves the slice views there; does nothing when nothing was segmented."""
    lesion = result.report.get("largest_lesion")
    if lesion:
        axis = result.report["slice_axis"]["array_axis"]
        jumpSliceViews(positionOfSlice(volumeNode, axis, lesion["slice"], lesion["center_ijk"]))


def _showVolume(volumeNode) -> None:
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


def makeSurface(segmentationNode) -> None:
    """Gives every segment its closed surface; large ones by the surface nets method with its own smoothing."""
    segmentation = segmentationNode.GetSegmentation()
    rule = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule
    if _voxelsToConvert(segmentation) > MANY_VOXELS:
        segmentation.SetConversionParameter(rule.GetConversionMethodParameterName(), "1")
        segmentation.SetConversionParameter(rule.GetSurfaceNetInternalSmoothingParameterName(), "1")
    segmentationNode.CreateClosedSurfaceRepresentation()


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
