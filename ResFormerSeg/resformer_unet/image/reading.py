"""Reading images from files and folders with SimpleITK."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from resformer_unet.errors import EngineError
from resformer_unet.image.dicom import is_oriented, read_series
from resformer_unet.image.medical_image import (
    MedicalImage,
    bad_geometry,
    case_name,
    complex_numbers,
    corrupt,
    empty,
    four_dimensional,
    image_from_array,
)
from resformer_unet.image.truncation import is_complete, looks_like_an_image

# Registration programs leave sforms whose directions are orthonormal only to a few digits. With this, ITK reads such a
# file, with the nearest orthonormal directions, instead of refusing it.
os.environ.setdefault("ITK_NIFTI_SFORM_PERMISSIVE", "1")

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_PICTURES = ("PNGImageIO", "JPEGImageIO", "JPEG2000ImageIO", "TIFFImageIO", "BMPImageIO")


def read_image(path: str | Path, *, series: str | None = None) -> MedicalImage:
    """Read a picture (PNG, JPEG, TIFF, BMP), a volume (NRRD, NIfTI, MHA), a DICOM file or a folder of DICOM files.

    Args:
        path: file, or folder with one DICOM series.
        series: series instance UID to read where a folder holds several; a file gets the warning SERIES_IGNORED.

    Raises:
        EngineError: FILE_NOT_FOUND, NO_PERMISSION, NOT_AN_IMAGE, CORRUPT_IMAGE, IMAGE_EMPTY, IMAGE_4D, COMPLEX_IMAGE,
            IMAGE_TOO_LARGE, BAD_GEOMETRY; of folders also EMPTY_FOLDER, SEVERAL_SERIES, SERIES_NOT_FOUND,
            MIXED_SERIES.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _read_folder(path, series)
        with path.open("rb") as file:
            start = file.read(512)
    except PermissionError:
        raise EngineError(
            "NO_PERMISSION",
            f"“{path}” cannot be read: permission denied.",
            "Ask for read permission, or copy it to your own folder.",
        ) from None
    except (OSError, ValueError):  # ValueError: a null character in the name
        raise EngineError(
            "FILE_NOT_FOUND", f"“{path}” does not exist or cannot be opened.", "Check the spelling and the folder."
        ) from None
    image = _read_file(path, start)
    if series is None:
        return image
    message = f"The series {series} was requested, but this is a single file, not a DICOM folder; the file was read."
    return replace(image, warnings=({"code": "SERIES_IGNORED", "message": message},))


def _read_folder(path: Path, series: str | None = None) -> MedicalImage:
    """The DICOM series of a folder; arguments and errors as of :func:`.read_series`."""
    found = read_series(path, series)
    image = image_from_array(_array(found.pixels), found.affine, path.resolve().name, found.has_orientation)
    return replace(image, warnings=found.warnings)


def _read_file(path: Path, start: bytes) -> MedicalImage:
    """A picture, a volume or a DICOM file; ``start``: its first bytes; errors as of :func:`.read_image`."""
    if not start:
        raise EngineError("CORRUPT_IMAGE", f"“{path.name}” is empty (0 bytes).", "Copy or export it again.")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        file_format = reader.GetImageIOFromFileName(str(path))
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal direction cosines" in str(error):
            raise bad_geometry(path.name) from None
        if looks_like_an_image(start):
            raise corrupt(path) from None
        raise EngineError(
            "NOT_AN_IMAGE",
            f"“{path.name}” is not an image in a supported format.",
            "Give PNG, JPEG, TIFF, BMP, NRRD, NIfTI, MHA or DICOM.",
        ) from None

    size = reader.GetSize()
    if 0 in size:
        raise empty(path.name)
    if any(length > 1 for length in size[3:]):
        raise four_dimensional(path.name, len(size))
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelIDValue()):
        raise complex_numbers(path.name)
    if not is_complete(path, reader, file_format):
        raise corrupt(path)
    if len(size) > 3:
        reader.SetExtractSize([*size[:3], *(0 for _ in size[3:])])
    try:
        pixels = reader.Execute()
    except RuntimeError as error:
        if "alloc" in str(error):
            raise EngineError(
                "IMAGE_TOO_LARGE",
                f"“{path.name}” ({' × '.join(map(str, size))}) does not fit into memory.",
                "Crop it, or use a computer with more memory.",
            ) from None
        raise corrupt(path) from None

    if file_format == "GDCMImageIO":
        oriented = is_oriented(reader)
    else:
        oriented = pixels.GetDimension() == 3 and file_format not in _PICTURES
    affine = _uncorrected_affine(reader)
    return image_from_array(_array(pixels), _affine(pixels) if affine is None else affine, case_name(path), oriented)


class _Pixels:
    """The pixels of a SimpleITK image for ``np.asarray``; the array, and each view of it, keeps the image alive.

    ``GetArrayViewFromImage`` alone would dangle once the image is gone, and a copy takes a volume's memory twice.
    """

    def __init__(self, pixels: sitk.Image) -> None:
        self._pixels = pixels
        self.__array_interface__ = sitk.GetArrayViewFromImage(pixels).__array_interface__


def _array(pixels: sitk.Image) -> np.ndarray:
    """(k, j, i, c), read-only."""
    array = np.asarray(_Pixels(pixels))
    if pixels.GetNumberOfComponentsPerPixel() == 1:
        array = array[..., None]
    return array if array.ndim == 4 else array[None]


def _affine(pixels: sitk.Image) -> np.ndarray:
    dimension = pixels.GetDimension()
    affine = np.eye(4)
    affine[:dimension, :dimension] = np.reshape(pixels.GetDirection(), (dimension, dimension)) * pixels.GetSpacing()
    affine[:dimension, 3] = pixels.GetOrigin()
    return affine


def _uncorrected_affine(reader: sitk.ImageFileReader) -> np.ndarray | None:
    """The affine that a NIfTI file states, where ITK made its directions orthonormal.

    Args:
        reader: of a file of any format, after ``ReadImageInformation``.

    Returns:
        (4, 4): (column, row, slice, 1) to LPS millimetres; ``None`` if the geometry in SimpleITK is right.
    """
    key = "ITK_sform_corrected"
    if not reader.HasMetaDataKey(key) or reader.GetMetaData(key) != "YES":
        return None
    rows = [[float(value) for value in reader.GetMetaData(f"srow_{axis}").split()] for axis in "xyz"]
    return _RAS_TO_LPS @ np.array([*rows, [0, 0, 0, 1]])
