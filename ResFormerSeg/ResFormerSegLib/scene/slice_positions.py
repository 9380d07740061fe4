"""The slices of a volume: their axis and number, where they lie in the world, and which of them a slice view shows.

A slice is named as in the engine's report: by its index along an axis of the voxel array (slices, rows, columns), so
array axis 0 is the volume's K. Parent transforms of the volume are followed, linear or not.
"""

from __future__ import annotations

import slicer
import vtk

from ResFormerSegLib.scene.volume_export import isPicture, lpsRows

PARALLEL_COSINE = 0.9  # a view tilted by more than 26 degrees cuts through many slices instead of showing one


def worldFromIjk(volumeNode, ijk) -> list[float]:
    """RAS in the world of a position in voxels (column, row, slice)."""
    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    ras = ijkToRas.MultiplyPoint((float(ijk[0]), float(ijk[1]), float(ijk[2]), 1.0))[:3]
    return list(_transform(volumeNode.GetParentTransformNode(), None).TransformPoint(ras))


def ijkFromWorld(volumeNode, ras) -> list[float]:
    """Position in voxels (column, row, slice), with fractions, of a point in the world."""
    rasToIjk = vtk.vtkMatrix4x4()
    volumeNode.GetRASToIJKMatrix(rasToIjk)
    local = _transform(None, volumeNode.GetParentTransformNode()).TransformPoint([float(value) for value in ras])
    return list(rasToIjk.MultiplyPoint((*local, 1.0))[:3])


def slicedAxis(volumeNode, sliceAxis: str) -> int:
    """The axis of the voxel array (slices, rows, columns) along which the engine would take the slices.

    sliceAxis: as of a model's description or the user's choice, see `choose_layout` of the engine.
    """
    import numpy as np

    from resformer_unet.image.medical_image import MedicalImage
    from resformer_unet.preprocessing.slice_layout import choose_layout

    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    shape = tuple(reversed(volumeNode.GetImageData().GetDimensions()))
    voxels = np.broadcast_to(np.uint8(0), (*shape, 1))  # only the shape counts
    image = MedicalImage(voxels, np.array(lpsRows(ijkToRas)), "", has_orientation=not isPicture(volumeNode))
    try:
        return choose_layout(image, sliceAxis, {"volume": "stored", "picture": "stored"}).axis
    except np.linalg.LinAlgError:  # a geometry without volume, which the engine refuses
        return 0


def sliceCount(volumeNode, arrayAxis: int) -> int:
    return volumeNode.GetImageData().GetDimensions()[2 - arrayAxis]


def positionOfSlice(volumeNode, arrayAxis: int, index: int, nearIjk=None) -> list[float]:
    """RAS in the world of a point of the slice: beside `nearIjk` (column, row, slice), by default its middle."""
    dimensions = volumeNode.GetImageData().GetDimensions()
    ijk = list(nearIjk) if nearIjk is not None else [(length - 1) / 2 for length in dimensions]
    ijk[2 - arrayAxis] = index
    return worldFromIjk(volumeNode, ijk)


def sliceShownBy(sliceNode, volumeNode, arrayAxis: int) -> int | None:
    """Index of the slice that a slice view shows; None when the view lies across the slices or beside the volume."""
    component = 2 - arrayAxis
    view = sliceNode.GetSliceToRAS()
    centre = [view.GetElement(row, 3) for row in range(3)]
    normal = [view.GetElement(row, 2) for row in range(3)]
    ijk = ijkFromWorld(volumeNode, centre)
    onward = list(ijk)
    onward[component] += 1.0
    start, end = worldFromIjk(volumeNode, ijk), worldFromIjk(volumeNode, onward)
    across = [end[row] - start[row] for row in range(3)]
    lengths = vtk.vtkMath.Norm(across) * vtk.vtkMath.Norm(normal)
    if lengths == 0 or abs(vtk.vtkMath.Dot(across, normal)) < PARALLEL_COSINE * lengths:
        return None
    index = round(ijk[component])
    return index if 0 <= index < sliceCount(volumeNode, arrayAxis) else None


def sliceOnDisplay(volumeNode, arrayAxis: int) -> int | None:
    """Index of the slice that the first view along the cut shows; None when the user sees no such view.

    Views that show the volume itself come first: another one's slice may be anywhere in it.
    """
    own = [view for view, volumes in viewsWithImages() if volumeNode.GetID() in volumes]
    views = [*own, *(view for view in sliceViewsInSight() if view not in own)]
    indices = (sliceShownBy(view, volumeNode, arrayAxis) for view in views)
    return next((index for index in indices if index is not None), None)


def viewsWithImages() -> list[tuple[object, list[str]]]:
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


def sliceViewsInSight() -> list:
    """The slice nodes of the views in the window; without a window all of them, as a script may have placed them."""
    views = slicer.util.getNodesByClass("vtkMRMLSliceNode")
    if slicer.app.layoutManager() is None:
        return list(views)
    return [view for view in views if view.IsMappedInLayout()]


def jumpSliceViews(ras) -> None:
    """Moves all slice views to a point in the world.

    A view that has the point in its sight only changes its slice; one that is zoomed in elsewhere is moved to it.
    """
    for sliceNode in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        if _inSight(sliceNode, ras):
            sliceNode.JumpSliceByOffsetting(*ras)
        else:
            sliceNode.JumpSliceByCentering(*ras)


def _inSight(sliceNode, ras) -> bool:
    rasToXy = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(sliceNode.GetXYToRAS(), rasToXy)
    x, y = rasToXy.MultiplyPoint((*ras, 1.0))[:2]
    width, height = sliceNode.GetDimensions()[:2]
    return 0 <= x < width and 0 <= y < height


def _transform(sourceNode, targetNode) -> vtk.vtkGeneralTransform:
    """From the frame of one transform node to that of another; None is the world."""
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(sourceNode, targetNode, transform)
    return transform
