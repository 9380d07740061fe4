"""Reading images from files and folders."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from resformer_unet.errors import EngineError
from resformer_unet.image import dicom
from resformer_unet.image.bzip2_nrrd import unpacked
from resformer_unet.image.completeness import is_complete
from resformer_unet.image.file_kinds import SUFFIXES, kind_of
from resformer_unet.image.first_bytes import first_bytes, opening_errors
from resformer_unet.image.itk_arrays import affine_of, array_of
from resformer_unet.image.itk_paths import path_to_read
from resformer_unet.image.medical_image import (
    MedicalImage,
    bad_geometry,
    case_name,
    complex_numbers,
    corrupt,
    empty,
    four_dimensional,
    image_from_array,
    too_large,
)
from resformer_unet.image.nifti import geometry_warning, stated_affine, states_sizes, without_intercept
from resformer_unet.image.pictures import (
    has_grey_and_alpha,
    orientation_and_shape_of,
    orientation_warning,
    read_picture,
    turned,
)
from resformer_unet.image.plain_nifti import PlainNifti, plain_nifti
from resformer_unet.image.stated_geometry import TEXT_HEADERS, as_stated
from resformer_unet.image.stored_segments import FIELD, stored_segments
from resformer_unet.image.tiff import read_tiff
from resformer_unet.image.unsupported import why_unsupported

# Registration programs leave sforms whose directions are orthonormal only to a few digits. With this, ITK reads such a
# file, with the nearest orthonormal directions, instead of refusing it.
os.environ.setdefault("ITK_NIFTI_SFORM_PERMISSIVE", "1")

_PICTURES = ("PNGImageIO", "JPEGImageIO", "JPEG2000ImageIO", "TIFFImageIO", "BMPImageIO")


def read_image(path: str | Path, *, series: str | None = None) -> MedicalImage:
    """Read a picture (PNG, JPEG, JPEG 2000, TIFF, BMP), a volume (NRRD, NIfTI, MHA), a DICOM file or a folder of them.

    The contents of a file tell its kind, not its name. The orientation tag of a picture (EXIF) is applied, with the
    warning EXIF_ORIENTATION.

    Args:
        path: file, or folder with one DICOM series.
        series: series instance UID to read where a folder holds several; a file gets the warning SERIES_IGNORED.

    Raises:
        EngineError: FILE_NOT_FOUND, NO_PERMISSION, NOT_A_FILE, NOT_AN_IMAGE, UNSUPPORTED_FORMAT, CORRUPT_IMAGE,
            DATA_FILE_MISSING, MIXED_PAGES, IMAGE_EMPTY, IMAGE_4D, COMPLEX_IMAGE, IMAGE_TOO_LARGE, BAD_GEOMETRY,
            DICOM_WITHOUT_IMAGE, PACKAGE_MISSING; of folders and files of several frames also EMPTY_FOLDER,
            SEVERAL_SERIES, SERIES_NOT_FOUND, MIXED_SERIES.
    """
    opened = open_image(path, series=series)
    return opened.read() if isinstance(opened, PlainNifti) else opened


def open_image(path: str | Path, *, series: str | None = None) -> MedicalImage | PlainNifti:
    """As :func:`read_image`, but leaves the voxels in a file from which they can be handed on block by block."""
    path = Path(path)
    start = first_bytes(path)
    if start is None:
        with opening_errors(path):
            return dicom.read_series(path, series)
    opened = _open_file(path, start)
    if series is None:
        return opened
    message = f"The series {series} was requested, but this is a single file, not a DICOM folder; the file was read."
    note = {"code": "SERIES_IGNORED", "message": message}
    if isinstance(opened, PlainNifti):
        return replace(opened, image=_with_warnings(opened.image, note))
    return _with_warnings(opened, note)


def _with_warnings(image: MedicalImage, *warnings: dict[str, str]) -> MedicalImage:
    return replace(image, warnings=(*image.warnings, *warnings))


def _open_file(path: Path, start: bytes) -> MedicalImage | PlainNifti:
    """A picture, a volume or a DICOM file; ``start``: its first bytes; errors as of :func:`.read_image`."""
    if not start:
        raise EngineError("CORRUPT_IMAGE", f"“{path.name}” is empty (0 bytes).", "Copy or export it again.")
    kind = kind_of(start)
    if kind == "dicom":
        return dicom.read_file(path)
    if kind == "tiff":
        return _picture(path, *read_tiff(path, lambda: _read_with_itk(path, kind, start)))
    if kind in ("bmp", "jp2") or (kind == "png" and has_grey_and_alpha(start)):
        pixels, affine = read_picture(path, kind)
        return _picture(path, pixels[None], affine, 1)
    image = _read_with_itk(path, kind, start)
    if kind in ("png", "jpeg"):
        return _picture(path, image.voxels, *reversed(orientation_and_shape_of(path, kind)))
    return image


def _picture(path: Path, voxels: np.ndarray, affine: np.ndarray, orientation: int) -> MedicalImage:
    """A picture as viewers show it; ``voxels`` and ``affine`` are as stored."""
    image = image_from_array(voxels, affine, case_name(path), has_orientation=False)
    if orientation == 1:
        return image
    if orientation > 4:  # rows become columns
        affine = np.diag([affine[1, 1], affine[0, 0], 1.0, 1.0])
    warnings = (orientation_warning(orientation),)
    return replace(image, voxels=turned(voxels, orientation), affine=affine, warnings=warnings)


def _read_with_itk(path: Path, kind: str | None, start: bytes) -> MedicalImage | PlainNifti:
    if kind == "nrrd":
        with unpacked(path) as plain:
            if plain is not None:
                return _read_readable(path, str(plain), kind, start)
    with path_to_read(path, SUFFIXES.get(kind or "", ())) as readable:
        return _read_readable(path, readable, kind, start)


def _read_readable(path: Path, readable: str, kind: str | None, start: bytes) -> MedicalImage | PlainNifti:
    """``readable``: the path to give to SimpleITK."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(readable)
    try:
        file_format = reader.GetImageIOFromFileName(readable)
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal direction cosines" in str(error):
            raise bad_geometry(path.name) from None
        if reason := why_unsupported(path, kind, start):
            raise reason from None
        if kind:
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
    if file_format == "NiftiImageIO" and (plain := plain_nifti(path, reader)) is not None:
        return plain
    if not is_complete(path, reader, file_format):
        raise corrupt(path)
    if len(size) > 3:
        reader.SetExtractSize([*size[:3], *(0 for _ in size[3:])])
    try:
        pixels = reader.Execute()
    except RuntimeError as error:
        if "alloc" in str(error):
            raise too_large(path.name, " × ".join(map(str, size))) from None
        raise why_unsupported(path, kind, start) or corrupt(path) from None

    oriented = pixels.GetDimension() == 3 and file_format not in _PICTURES
    stated = file_format == "NiftiImageIO" and oriented
    affine = stated_affine(path, reader) if stated else affine_of(pixels)
    voxels = without_intercept(path, array_of(pixels)) if file_format == "NiftiImageIO" else array_of(pixels)
    image = image_from_array(voxels, affine, case_name(path), oriented)
    if stated:
        warnings = tuple(geometry_warning(path, affine))
        image = replace(image, warnings=warnings, pixel_size_known=states_sizes(path))
    if file_format in TEXT_HEADERS:
        image = as_stated(image, path, file_format)
    fields = {key: _text(reader.GetMetaData(key)) for key in reader.GetMetaDataKeys() if FIELD.fullmatch(key)}
    return replace(image, segments=stored_segments(fields, image.voxels.shape[-1]))


def _text(value: str) -> str:
    """Without bytes that are not UTF-8, which would break a message later."""
    return value.encode("utf-8", "replace").decode()
