"""Writes a volume node for the engine: voxels as a .npy file, geometry as an IJK to LPS matrix.

The node itself is only read.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import slicer
import vtk
from slicer.i18n import tr as _

from ResFormerSegLib.engine.array_file import writeArray
from ResFormerSegLib.engine.temporary_folder import temporaryFolderError
from ResFormerSegLib.errors import ResFormerSegError

MOST_COMPONENTS = 4  # red, green, blue and opacity
PICTURE_ROLE = "ResFormerSeg.Picture"  # from a result to its volume, if that was treated as a picture
PAGES_SUFFIXES = (".tif", ".tiff")  # of files with several pictures of no known distance
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class ExportedVolume:
    """message: the "image" of the engine's commands. shape: (slices, rows, columns).

    ijkToRas, imageTime: as they were when exported; the latter is when the image was last touched, in VTK's count.
    voxels: their checksum, by which they are known again later; None where none was made.
    """

    message: dict
    shape: tuple[int, int, int]
    ijkToRas: vtk.vtkMatrix4x4
    imageTime: int = 0
    voxels: str | None = None


def checkVolume(volumeNode) -> None:
    """Raises ResFormerSegError unless the node is a volume with voxels, one time point and a linear transform."""
    if volumeNode is None:
        raise ResFormerSegError("NO_VOLUME", _("No volume is selected."), _("Load an image and select it as input."))
    if isinstance(volumeNode, slicer.vtkMRMLSequenceNode):
        raise _severalVolumes(volumeNode)
    if not isinstance(volumeNode, slicer.vtkMRMLScalarVolumeNode):
        kind = volumeNode.GetClassName() if isinstance(volumeNode, vtk.vtkObject) else type(volumeNode).__name__
        raise ResFormerSegError(
            "NOT_A_VOLUME",
            _("The input is not a volume but a {kind}.").format(kind=kind),
            _("Select a scalar, colour or label map volume."),
        )
    if volumeNode.GetScene() is None:
        raise ResFormerSegError(
            "VOLUME_NOT_IN_SCENE",
            _("The volume '{name}' is not in the scene.").format(name=volumeNode.GetName()),
            _("Add it with slicer.mrmlScene.AddNode(), or load it again."),
        )
    image = volumeNode.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0 or image.GetPointData().GetScalars() is None:
        raise ResFormerSegError(
            "VOLUME_EMPTY",
            _("The volume '{name}' contains no voxels.").format(name=volumeNode.GetName()),
            _("Load the image again, or select another volume."),
        )
    if image.GetNumberOfScalarComponents() > MOST_COMPONENTS:
        raise _severalVolumes(volumeNode)
    transform = volumeNode.GetParentTransformNode()
    if transform is not None and not transform.IsTransformToWorldLinear():
        raise ResFormerSegError(
            "VOLUME_WARPED",
            _("The volume '{name}' has a non-linear transform, '{transform}'; the engine needs planar slices.").format(
                name=volumeNode.GetName(), transform=transform.GetName()
            ),
            _("Harden the transform on a copy of the volume (Data module), or remove the volume from the transform."),
        )


def exportVolume(volumeNode, folder: Path, asPicture: bool | None = None) -> Generator[None, None, ExportedVolume]:
    """Writes `image.npy`: (k, j, i), or (k, j, i, components) for a colour volume, in the node's own data type.

    asPicture: whether it is treated as one; None finds out.

    A generator, as of a large volume this takes a while; each step takes some milliseconds.
    """
    from vtk.util.numpy_support import vtk_to_numpy

    image = volumeNode.GetImageData()
    name = volumeNode.GetName() or "image"
    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    hasOrientation = not (isPicture(volumeNode) if asPicture is None else asPicture)
    modified = image.GetMTime()
    shape = tuple(reversed(image.GetDimensions()))
    components = image.GetNumberOfScalarComponents()
    voxels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(shape + ((components,) if components > 1 else ()))
    path = folder / "image.npy"
    try:
        checksum = yield from writeArray(path, voxels)
    except OSError as error:
        raise temporaryFolderError(folder, error) from error
    if image.GetMTime() != modified:
        raise ResFormerSegError(
            "VOLUME_CHANGED",
            _("The volume '{name}' was changed while it was read.").format(name=name),
            _("Start the run again once the change is complete."),
        )
    message = {
        "array": str(path),
        "affine_lps": lpsRows(ijkToRas),
        "name": name,
        "has_orientation": hasOrientation,
    }
    return ExportedVolume(message, shape, ijkToRas, modified, checksum)


def isPicture(volumeNode) -> bool:
    """Whether the volume is a 2D picture: one slice, and colour, read from a picture file or without geometry; or the
    pages of a TIFF file, which have no more orientation and size than one of them.

    Slicer gives every volume patient axes, also a photograph, for which they mean nothing; the engine must neither
    reorient it by them nor measure in millimetres. Once the scene is saved, the picture is in a file of another format:
    it is then recognised by a result that treated it as a picture (see `rememberPicture`), or by its lack of geometry.
    """
    image = volumeNode.GetImageData()
    storage = volumeNode.GetStorageNode()
    fileName = (storage.GetFileName() if storage else None) or ""
    if image.GetDimensions()[2] != 1:
        isStack = fileName.lower().endswith(PAGES_SUFFIXES) and _isPlacedAsPages(volumeNode)
        return isStack or _isKnownAsPicture(volumeNode)
    return (
        image.GetNumberOfScalarComponents() > 1
        or fileName.lower().endswith(PICTURE_SUFFIXES)
        or _hasNoGeometry(volumeNode)
        or _isKnownAsPicture(volumeNode)
    )


def rememberPicture(resultNode, volumeNode) -> None:
    """Marks the result as that of a picture; the volume itself is never changed."""
    resultNode.SetNodeReferenceID(PICTURE_ROLE, volumeNode.GetID())


def _isKnownAsPicture(volumeNode) -> bool:
    nodes = slicer.util.getNodesByClass("vtkMRMLTableNode") + slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return any(node.GetNodeReferenceID(PICTURE_ROLE) == volumeNode.GetID() for node in nodes)


def _hasNoGeometry(volumeNode) -> bool:
    """Pixels of 1 mm, rows and columns along the patient's axes, and the corner or the centre at the origin: Slicer's
    defaults for an image without size and position."""
    isKnown = volumeNode.GetAttribute("DICOM.instanceUIDs") or volumeNode.GetSpacing() != (1.0, 1.0, 1.0)
    return not isKnown and _isWhereSlicerPutsImages(volumeNode)


def _isPlacedAsPages(volumeNode) -> bool:
    """As Slicer places the pages of a TIFF file, 1 mm apart. Whoever knows better has given another distance."""
    return volumeNode.GetSpacing()[2] == 1.0 and _isWhereSlicerPutsImages(volumeNode)


def _isWhereSlicerPutsImages(volumeNode) -> bool:
    """Along the patient's axes, with the corner or the centre at the origin."""
    ijkToRas = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(ijkToRas)
    spacing = volumeNode.GetSpacing()
    isStraight = all(abs(abs(ijkToRas.GetElement(axis, axis)) - spacing[axis]) < 1e-6 for axis in range(3))
    middle = ijkToRas.MultiplyPoint([*((length - 1) / 2 for length in volumeNode.GetImageData().GetDimensions()), 1.0])
    isCentred = all(abs(middle[axis]) < spacing[axis] for axis in range(3))
    return isStraight and (isCentred or not any(volumeNode.GetOrigin()))


def _severalVolumes(node) -> ResFormerSegError:
    return ResFormerSegError(
        "VOLUME_4D",
        _("'{name}' contains several volumes, for instance of several time points.").format(name=node.GetName()),
        _(
            "Select the volume that the Sequences module shows of it; all its frames can then be run, or the one "
            "that is shown."
        ),
    )


def lpsRows(ijkToRas: vtk.vtkMatrix4x4) -> list[list[float]]:
    """The matrix to LPS: RAS to LPS changes the signs of the first two rows."""
    signs = (-1.0, -1.0, 1.0, 1.0)
    return [[signs[row] * ijkToRas.GetElement(row, column) for column in range(4)] for row in range(4)]
