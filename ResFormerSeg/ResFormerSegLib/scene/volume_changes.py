"""Checks that a volume is still what was exported: a result of other voxels must not enter the scene."""

from __future__ import annotations

from collections.abc import Generator

import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.errors import ResFormerSegError
from ResFormerSegLib.scene.volume_export import ExportedVolume


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
