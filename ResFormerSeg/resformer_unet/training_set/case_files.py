"""Image and mask of a case as files that read back exactly as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from resformer_unet.atomic_files import disk_full
from resformer_unet.errors import EngineError
from resformer_unet.image.itk_arrays import affine_of
from resformer_unet.image.itk_paths import folder_to_write
from resformer_unet.image.medical_image import MedicalImage

_AS_STORED = 1e-6  # relative difference of what is written with a limited number of digits


def write_grid(folder: Path, name: str, voxels: np.ndarray, grid: MedicalImage) -> Path:
    """Write voxels on the grid of an image: NRRD, or TIFF for a stack of pictures, which has no orientation.

    Args:
        folder: made where it is missing; the file must not exist.
        voxels: (slices, rows, columns, channels).

    Raises:
        EngineError: DISK_FULL; CASE_NOT_STORED if the file does not read back as it was.
        OSError: where the folder cannot be made.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}{'.nrrd' if grid.has_orientation or len(voxels) == 1 else '.tif'}"
    given = voxels[..., 0] if voxels.shape[-1] == 1 else voxels
    if len(given) == 1 and not grid.has_orientation:
        given = given[0]
    picture = sitk.GetImageFromArray(given, isVector=voxels.shape[-1] > 1)
    if grid.has_orientation:
        picture.SetSpacing(grid.spacing.tolist())
        picture.SetDirection((grid.affine[:3, :3] / grid.spacing).ravel().tolist())
        picture.SetOrigin(grid.affine[:3, 3].tolist())
    else:
        picture.SetSpacing(grid.spacing[: picture.GetDimension()].tolist())
    try:
        with folder_to_write(folder) as writable:
            sitk.WriteImage(picture, str(writable / path.name), useCompression=True)
            stored = sitk.ReadImage(str(writable / path.name))
    except RuntimeError:  # the folder could be made, so the disk is full
        raise disk_full(path) from None
    found = sitk.GetArrayViewFromImage(stored)
    same = found.shape == given.shape and np.array_equal(found, given, equal_nan=voxels.dtype.kind == "f")
    if not same or (grid.has_orientation and not np.allclose(affine_of(stored), grid.affine, _AS_STORED, _AS_STORED)):
        raise EngineError(
            "CASE_NOT_STORED",
            f"“{path.name}” does not read back as it was written.",
            "Convert the image to NRRD or NIfTI, and try again.",
        )
    return path
