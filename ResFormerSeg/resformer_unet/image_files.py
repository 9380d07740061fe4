"""Reading images from files with SimpleITK."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from .completeness import is_complete, looks_like_an_image
from .dicom import is_oriented, read_series
from .errors import EngineError
from .image_errors import bad_geometry, complex_numbers, corrupt, empty, four_dimensional
from .images import MedicalImage, case_name, image_from_array
from .nifti import uncorrected_affine

_PICTURES = ("PNGImageIO", "JPEGImageIO", "JPEG2000ImageIO", "TIFFImageIO", "BMPImageIO")


def read_folder(path: Path, series: str | None = None) -> MedicalImage:
    """The DICOM series of a folder; arguments and errors as of :func:`.dicom.read_series`."""
    found = read_series(path, series)
    image = image_from_array(_array(found.pixels), found.affine, path.resolve().name, found.has_orientation)
    return replace(image, warnings=found.warnings)


def read_file(path: Path, start: bytes) -> MedicalImage:
    """A picture, a volume or a DICOM file, which begins with ``start``; errors as of :func:`.images.read_image`."""
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
            f"“{path.name}” is not an image that can be read.",
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
                f"“{path.name}” ({' × '.join(map(str, size))}) does not fit into this computer's memory.",
                "Crop it, or use a computer with more memory.",
            ) from None
        raise corrupt(path) from None

    if file_format == "GDCMImageIO":
        oriented = is_oriented(reader)
    else:
        oriented = pixels.GetDimension() == 3 and file_format not in _PICTURES
    affine = uncorrected_affine(reader)
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
