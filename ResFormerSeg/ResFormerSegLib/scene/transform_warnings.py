"""Warnings of what a transform does to a volume and the engine, which gets the volume without it, does not see."""

from __future__ import annotations

import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.scene.volume_export import isPicture


def transformWarnings(volumeNode) -> list[dict]:
    """Rows with code and message."""
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
