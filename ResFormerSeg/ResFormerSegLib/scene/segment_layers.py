"""Writes segments for the engine: label layers on the grid of a volume."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import writeLayers
from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.scene.shown_frame import SAME_PLACE


def checkSamePlace(segmentationNode, volumeNode) -> None:
    """Raises ResFormerSegError MOVED_APART when a result's segmentation and volume lie under different transforms.

    The segments are then elsewhere in the image than where the model or the user has drawn them.
    """
    transforms = segmentationNode.GetParentTransformNode(), volumeNode.GetParentTransformNode()
    if transforms[0] is transforms[1]:
        return
    between = vtk.vtkMatrix4x4()
    isLinear = slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(*transforms, between)
    if isLinear and all(abs(between.GetElement(*divmod(n, 4)) - (n % 5 == 0)) < SAME_PLACE for n in range(16)):
        return
    raise ResFormerSegError(
        "MOVED_APART",
        _("'{segmentation}' and '{volume}' lie under different transforms, so the segments are displaced.").format(
            segmentation=segmentationNode.GetName(), volume=volumeNode.GetName()
        ),
        _(
            "Put both under the same transform (Data module). If the segments are where they belong, harden the "
            "transform of the segmentation."
        ),
    )


def exportLayers(
    source, node, ids: list[str], volumeNode, path: Path
) -> Generator[None, None, dict[str, tuple[int, int]]]:
    """Writes uint8 (layers, k, j, i) on the volume's grid; returns (layer, value) of each segment.

    source: of the node, see `segment_source.py`. Segments that share a label map do not overlap and are exported
    together.
    """
    images: list = []
    groups: list[list[tuple[str, int]]] = []
    for identifier in ids:
        image, value = source.labels(identifier)
        yield
        if image not in images:
            images.append(image)
            groups.append([])
        groups[images.index(image)].append((identifier, value))
    layers = (
        _exportLayer(image, [value for _id, value in members], node, volumeNode)
        for image, members in zip(images, groups, strict=True)
    )
    yield from writeLayers(path, len(groups), layers)
    return {
        identifier: (index, number)
        for index, members in enumerate(groups)
        for number, (identifier, _value) in enumerate(members, start=1)
    }


def _exportLayer(image, values: list[int], node, volumeNode):
    """uint8 (k, j, i) with 1, 2, 3 ... for the values, on the volume's grid, with the transforms of both applied."""
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    layer = np.zeros(tuple(reversed(volumeNode.GetImageData().GetDimensions())), np.uint8)
    if image is None or image.IsEmpty():
        return layer
    if not _liesOnTheGrid(image, node, volumeNode):
        image = _resampled(image, node, volumeNode)
        if image.IsEmpty():
            return layer
    bounds = image.GetExtent()
    box = [(bounds[2 * axis], bounds[2 * axis + 1] + 1) for axis in (2, 1, 0)]
    found = vtk_to_numpy(image.GetPointData().GetScalars()).reshape([end - first for first, end in box])
    inside = layer[tuple(slice(*ends) for ends in box)]
    for number, value in enumerate(values, start=1):
        inside[found == value] = number
    return layer


def _liesOnTheGrid(image, node, volumeNode) -> bool:
    """Whether voxels can be taken as they are, as of a result. Resampling takes two to four times as long."""
    if node.GetParentTransformNode() is not volumeNode.GetParentTransformNode():
        return False
    bounds, dimensions = image.GetExtent(), volumeNode.GetImageData().GetDimensions()
    if any(bounds[2 * axis] < 0 or bounds[2 * axis + 1] >= dimensions[axis] for axis in range(3)):
        return False
    matrices = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrices[0])
    image.GetImageToWorldMatrix(matrices[1])
    elements = [[matrix.GetElement(*divmod(index, 4)) for index in range(16)] for matrix in matrices]
    return all(abs(given - other) < 1e-6 for given, other in zip(*elements, strict=True))


def _resampled(image, node, volumeNode):
    """The label map on the volume's grid, by the nearest voxel. For 512 x 512 x 200 voxels it takes 0.2 s, the only
    step of a run that takes longer than 0.1 s."""
    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    grid = slicer.vtkOrientedImageData()
    grid.SetDimensions(*volumeNode.GetImageData().GetDimensions())
    grid.SetImageToWorldMatrix(ijkToRas)
    transform = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        node.GetParentTransformNode(), volumeNode.GetParentTransformNode(), transform
    )
    resampled = slicer.vtkOrientedImageData()
    resample = slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage
    if not resample(image, grid, resampled, False, False, transform):
        raise RuntimeError("the segments cannot be brought to the grid of the volume")
    return resampled
