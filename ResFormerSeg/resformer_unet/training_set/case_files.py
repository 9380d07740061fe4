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

# Types that TIFF lacks, and the largest alike that it has.
_FOR_TIFF = {"float64": "float32", "int64": "int32", "uint64": "uint32"}
_AS_STORED = 1e-6  # relative difference of what is written with a limited number of digits


def write_grid(folder: Path, name: str, voxels: np.ndarray, grid: MedicalImage) -> Path:
    """Write voxels on the grid of an image: NRRD, or TIFF for a stack of pictures, which has no orientation.

    Args:
        folder: made where it is missing; the file must not exist.
        voxels: (slices, rows, columns, channels).

    Raises:
        EngineError: DISK_FULL; CASE_NOT_STORED if the file does not read back as it was, or cannot hold these values.
        OSError: where the folder cannot be made.
    """
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}{'.nrrd' if grid.has_orientation or len(voxels) == 1 else '.tif'}"
    given = voxels[..., 0] if voxels.shape[-1] == 1 else voxels
    if len(given) == 1 and not grid.has_orientation:
        given = given[0]
    if path.suffix == ".tif":
        given = _in_a_type_of_tiff(given)
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


def _in_a_type_of_tiff(voxels: np.ndarray) -> np.ndarray:
    """The same values in a type that TIFF has.

    Raises:
        EngineError: CASE_NOT_STORED.
    """
    name = voxels.dtype.name
    if name not in _FOR_TIFF:
        return voxels
    with np.errstate(over="ignore", invalid="ignore"):
        smaller = voxels.astype(_FOR_TIFF[name])
    if not np.array_equal(smaller, voxels, equal_nan=voxels.dtype.kind == "f"):
        raise EngineError(
            "CASE_NOT_STORED",
            f"The voxels are of the type {name}, and their values do not fit the largest type of a TIFF file, "
            f"{_FOR_TIFF[name]}.",
            f"Save the stack of pictures with voxels of the type {_FOR_TIFF[name]}, and try again.",
        )
    return smaller
