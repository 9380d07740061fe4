"""Checks that a volume is still what was exported: a result of other voxels must not enter the scene."""

from __future__ import annotations

from collections.abc import Generator

import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.scene.volume_export import ExportedVolume, isPicture


def checkUnchanged(volumeNode, exported: ExportedVolume) -> Generator[None, None, None]:
    """Raises ResFormerSegError VOLUME_CHANGED when voxels or geometry are not those that were exported.

    The file of the export must still be there. A generator: when the image was touched at all, its voxels are
    compared slice by slice.
    """
    if not _hasGeometryOf(volumeNode, exported) or not (yield from _hasVoxelsOf(volumeNode, exported)):
        raise ResFormerSegError(
            "VOLUME_CHANGED",
            _("The volume '{name}' was changed during the run, so the result no longer matches it.").format(
                name=volumeNode.GetName()
            ),
            _("Start the run again once the change is complete."),
        )


def transformWarnings(volumeNode) -> list[dict]:
    """Warnings, rows with code and message, of what a transform of the volume does and the engine does not see."""
    return list(filter(None, (_scalingWarning(volumeNode), _turningWarning(volumeNode))))


def _turningWarning(volumeNode) -> dict | None:
    """When the patient's axes are other ones of the volume with its transform than without; a picture has none."""
    transform = volumeNode.GetParentTransformNode()
    if transform is None or not transform.IsTransformToWorldLinear() or isPicture(volumeNode):
        return None
    directions, toWorld = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASDirectionMatrix(directions)
    transform.GetMatrixTransformToWorld(toWorld)
    turned = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Multiply4x4(toWorld, directions, turned)
    if _nearestAxes(directions) == _nearestAxes(turned):
        return None
    message = _(
        "The transform of '{name}' turns it: slice axis and orientation are those of the volume without the transform. "
        "If it is the transform that is right, harden it (Data module), and run the model again."
    ).format(name=volumeNode.GetName())
    return {"code": "VOLUME_TURNED", "message": message}


def _nearestAxes(directions: vtk.vtkMatrix4x4) -> list[tuple[int, bool]]:
    """Of each voxel axis the nearest one of the patient, and whether it goes the same way."""
    columns = [[directions.GetElement(row, column) for row in range(3)] for column in range(3)]
    nearest = [max(range(3), key=lambda row, values=values: abs(values[row])) for values in columns]
    return [(row, values[row] > 0) for row, values in zip(nearest, columns, strict=True)]


def _scalingWarning(volumeNode) -> dict | None:
    """When a transform of the volume changes sizes, which are measured without it."""
    transform = volumeNode.GetParentTransformNode()
    if transform is None or (transform.IsTransformToWorldLinear() and _keepsSizes(transform)):
        return None
    message = _(
        "The transform of '{name}' scales, shears or bends it. All measurements refer to the volume without the "
        "transform."
    ).format(name=volumeNode.GetName())
    return {"code": "VOLUME_SCALED", "message": message}


def _keepsSizes(transformNode) -> bool:
    """Of a linear transform: whether lengths stay as they are within 0.1 %."""
    toWorld = vtk.vtkMatrix4x4()
    transformNode.GetMatrixTransformToWorld(toWorld)
    columns = [[toWorld.GetElement(row, column) for row in range(3)] for column in range(3)]
    products = [vtk.vtkMath.Dot(columns[a], columns[b]) - (a == b) for a in range(3) for b in range(a + 1)]
    return all(abs(product) < 2e-3 for product in products)


def _hasGeometryOf(volumeNode, exported: ExportedVolume) -> bool:
    now = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(now)
    elements = [(row, column) for row in range(4) for column in range(4)]
    return all(abs(now.GetElement(*place) - exported.ijkToRas.GetElement(*place)) < 1e-6 for place in elements)


def _hasVoxelsOf(volumeNode, exported: ExportedVolume) -> Generator[None, None, bool]:
    import numpy as np
    from vtk.util.numpy_support import vtk_to_numpy

    image = volumeNode.GetImageData()
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None:
        return False
    if image.GetMTime() == exported.imageTime:
        return True
    given = np.load(exported.message["array"], mmap_mode="r", allow_pickle=False)
    now = vtk_to_numpy(scalars)
    if tuple(reversed(image.GetDimensions())) != exported.shape or now.size != given.size or now.dtype != given.dtype:
        return False
    for before, after in zip(given, now.reshape(given.shape), strict=True):
        yield
        if before.tobytes() != after.tobytes():
            return False
    return True
