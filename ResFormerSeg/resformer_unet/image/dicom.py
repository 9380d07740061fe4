"""DICOM: files, and the series of a folder, put in order and read with their exact geometry and values."""

from __future__ import annotations

import filecmp
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from resformer_unet.atomic_files import text_bytes
from resformer_unet.errors import EngineError
from resformer_unet.image.dicom_details import check_supported
from resformer_unet.image.dicom_headers import Header, check_frames, gdcm_reader, read_header, why_no_pixels
from resformer_unet.image.dicom_pixel_data import PixelData
from resformer_unet.image.file_kinds import is_dead_link, is_dicom
from resformer_unet.image.itk_arrays import array_of
from resformer_unet.image.itk_paths import path_to_read
from resformer_unet.image.medical_image import MedicalImage, case_name, complex_numbers, corrupt, image_from_array
from resformer_unet.image.slice_geometry import check_pixel_sizes, mixed, sort_planes

_SHOWN = 3  # files that a warning names


def holds_images(folder: Path) -> bool:
    """Whether a folder contains a DICOM image; folders within it are not searched, and no pixels are read.

    Raises:
        OSError: the folder cannot be listed.
    """
    return any(_looks_like_an_image(path) for path in sorted(folder.iterdir()) if path.is_file())


def read_series(folder: Path, series: str | None = None) -> MedicalImage:
    """Read the DICOM series of a folder (not of folders within), sorted by position along the slice normal.

    Args:
        folder: with the files, which may have any name; files that are not DICOM images are skipped.
        series: series instance UID, needed where there are several.

    Raises:
        EngineError: EMPTY_FOLDER, SEVERAL_SERIES, SERIES_NOT_FOUND, MIXED_SERIES, IMAGE_4D, CORRUPT_IMAGE,
            PACKAGE_MISSING.
        OSError: the folder cannot be listed.
    """
    headers, warnings = series_headers(folder, series)
    name = folder.resolve().name
    if len(headers) == 1:
        return _read_alone(headers[0], f"the series in “{folder.name}”", name, warnings)
    if any(header.size[2] > 1 for header in headers):
        raise EngineError(
            "IMAGE_4D",
            f"The series in “{folder.name}” consists of {len(headers)} files that are volumes themselves.",
            "Give one of the files.",
        )
    return read_slices(headers, f"the series in “{folder.name}”", name, warnings)


def series_headers(folder: Path, series: str | None = None) -> tuple[list[Header], list[dict[str, str]]]:
    """The headers of a folder's series, in the order of the files' names, and warnings about other files.

    Raises:
        EngineError: EMPTY_FOLDER, SEVERAL_SERIES, SERIES_NOT_FOUND.
    """
    found = _scan(folder)
    headers, warnings = _choose(found.series, folder, series), found.warnings()
    return _without_copies(headers, warnings), warnings


def _without_copies(headers: list[Header], warnings: list[dict[str, str]]) -> list[Header]:
    """The headers without those of files that are the same to the last byte; a warning about these is added."""
    seen: dict[tuple, list[Header]] = defaultdict(list)
    copies = []
    for header in headers:
        alike = seen[header.number, str(header.plane.position), header.path.stat().st_size]
        if any(filecmp.cmp(header.path, other.path, shallow=False) for other in alike):
            copies.append(header)
        else:
            alike.append(header)
    if copies:
        name = text_bytes(copies[0].path.name).decode()
        message = f"{len(copies)} files are copies of others in the folder and were skipped, the first is {name}."
        warnings.append({"code": "COPIES_SKIPPED", "message": message})
    return [header for header in headers if not any(header is copy for copy in copies)]


def read_file(path: Path) -> MedicalImage:
    """Read a DICOM file: a slice, a picture, or the frames of a volume in the order of their positions.

    Raises:
        EngineError: DICOM_WITHOUT_IMAGE, MIXED_SERIES, IMAGE_4D, CORRUPT_IMAGE, PACKAGE_MISSING.
    """
    header = read_header(path)
    if header is None:
        raise why_no_pixels(path) or corrupt(path)
    return _read_alone(header, f"“{path.name}”", case_name(path), [])


def read_slices(headers: list[Header], of: str, name: str, warnings: list[dict[str, str]]) -> MedicalImage:
    """Several files of one slice each.

    Raises:
        EngineError: MIXED_SERIES, IMAGE_4D, CORRUPT_IMAGE.
    """
    if len({header.patient for header in headers} - {""}) > 1:
        raise EngineError(
            "MIXED_SERIES",
            f"The slices of {of} are of several patients by their IDs, though their files name one series.",
            "Put the files of one patient into a folder of their own.",
        )
    if len({header.size for header in headers}) > 1:
        raise mixed(of, "sizes")
    if len({header.kind[1] for header in headers}) > 1:
        raise mixed(of, "numbers of channels")
    planes = [header.plane for header in headers]
    check_pixel_sizes(planes, of)
    if np.ptp([header.spacing[1] / header.spacing[0] for header in headers]) > 1e-3:
        raise mixed(of, "shapes of pixels")
    step = None
    if all(plane.is_placed for plane in planes):
        order, step = sort_planes(planes, of, warnings)
        headers = [headers[index] for index in order]
    else:
        headers = _sort_by_number(headers, warnings)
    return image_of_slices(headers[0], _stack(headers), step, name, warnings)


def _read_alone(header: Header, of: str, name: str, warnings: list[dict[str, str]]) -> MedicalImage:
    """One file of one slice or several frames."""
    pixels, frames = _read_pixels(header), header.frames
    check_frames(header, len(pixels))
    if len(frames) < 2:
        return image_of_slices(header, pixels, None, name, warnings)
    planes = [frame.plane for frame in frames]
    check_pixel_sizes(planes, of)
    if not all(plane.is_placed for plane in planes):
        return image_of_slices(header, pixels, None, name, warnings)
    order, step = sort_planes(planes, of, warnings)
    if order != sorted(order):
        pixels = pixels[order]
    return image_of_slices(replace(header, plane=planes[order[0]]), pixels, step, name, warnings)


def image_of_slices(
    first: Header, voxels: np.ndarray, step: np.ndarray | None, name: str, warnings: list[dict[str, str]]
) -> MedicalImage:
    """The image of slices in their order.

    Args:
        first: header of the first slice.
        step: (3,) mm from slice to slice, where positions tell it.
    """
    plane, affine = first.plane, np.eye(4)
    column_mm, row_mm = first.spacing if plane.pixel_mm is None else plane.pixel_mm
    oriented = plane.directions is not None
    known = True
    if oriented:
        if step is None:
            known, length = _slice_length(first, len(voxels))
            step = length * plane.normal
        affine[:3, :3] = np.stack([column_mm * plane.directions[0], row_mm * plane.directions[1], step], axis=1)
        affine[:3, 3] = (0, 0, 0) if plane.position is None else plane.position
        if plane.pixel_mm is None:
            message = "The files state no pixel size, or zero. Sizes in millimetres are unknown."
            warnings.append({"code": "PIXEL_SIZE_UNKNOWN", "message": message})
        elif not known and len(voxels) > 1:
            message = "The files do not state how far their slices are apart. Volumes in mm³ are unknown."
            warnings.append({"code": "SLICE_DISTANCE_UNKNOWN", "message": message})
    else:
        affine[:2, :2] = np.diag([column_mm, row_mm])
    image = image_from_array(voxels, affine, name, oriented)
    pixel_known = not oriented or plane.pixel_mm is not None
    return replace(image, warnings=tuple(warnings), pixel_size_known=pixel_known, slice_distance_known=known)


def _slice_length(header: Header, slices: int) -> tuple[bool, float]:
    """Whether the size of a voxel along the slices is stated, and how large it is."""
    length = header.thickness if slices == 1 else header.distance
    return length is not None, length or 1.0


def _sort_by_number(headers: list[Header], warnings: list[dict[str, str]]) -> list[Header]:
    numbers = [header.number for header in headers]
    if None in numbers or len(set(numbers)) < len(numbers):
        message = (
            "The files state neither the positions of their slices nor distinct numbers; they were put in the order of "
            "their names. If that is not the order of the slices, the result is wrong."
        )
        warnings.append({"code": "ORDER_GUESSED", "message": message})
        return sorted(headers, key=lambda header: _natural(header.path.name))
    return sorted(headers, key=lambda header: header.number)


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which IM2 comes before IM10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _stack(headers: list[Header]) -> np.ndarray:
    """The pixels of all slices; each is rescaled by its own slope and intercept, and none is cut to another's type."""
    first = _read_pixels(headers[0])
    kinds = {header.kind[0]: header for header in headers}
    types = [_read_pixels(header).dtype for kind, header in kinds.items() if kind != headers[0].kind[0]]
    voxels = np.empty((len(headers), *first.shape[1:]), np.result_type(first.dtype, *types))
    voxels[0] = first[0]
    for index, header in enumerate(headers[1:], start=1):
        pixels = _read_pixels(header)
        if pixels.shape != first.shape:
            raise mixed(f"the series in “{header.path.parent.name}”", "sizes")
        if not np.can_cast(pixels.dtype, voxels.dtype):  # a slice that is rescaled here and not by GDCM
            voxels = voxels.astype(np.result_type(pixels.dtype, voxels.dtype))
        voxels[index] = pixels[0]
    return voxels


def _read_pixels(header: Header) -> np.ndarray:
    """(frames, rows, columns, channels) of a file, rescaled by its slope and intercept, or those of each frame."""
    scales = {(frame.slope, frame.intercept) for frame in header.frames}
    by_frame = scales - {(1.0, 0.0)} and (not header.first_rescales or header.frames[0].slope == 0)
    details = header.details
    check_supported(header.path, details)
    if not details.complete:
        raise _undecodable(header.path)
    if header.relabelled or by_frame or details.misread:
        data = PixelData(header)
        return np.concatenate([data.read(index) for index in range(data.count)])
    return _rescaled(_decoded(header), header)


def _decoded(header: Header) -> np.ndarray:
    """As GDCM has the pixels."""
    try:
        with path_to_read(header.path) as readable:
            pixels = gdcm_reader(readable).Execute()
    except RuntimeError:
        raise _undecodable(header.path) from None
    if pixels.GetPixelID() in (sitk.sitkComplexFloat32, sitk.sitkComplexFloat64):
        raise complex_numbers(header.path.name)
    return array_of(pixels)


def _undecodable(path: Path) -> EngineError:
    return EngineError(
        "CORRUPT_IMAGE",
        f"The pixels of “{path.name}” cannot be read: the file is damaged or incomplete, or its compression is not "
        "supported.",
        "Copy or export it again, without compression.",
    )


def _rescaled(pixels: np.ndarray, header: Header) -> np.ndarray:
    """Frames by their own slopes and intercepts; GDCM has applied those of the first frame to all of them."""
    scales = np.array([(frame.slope, frame.intercept) for frame in header.frames])
    if len(scales) != len(pixels) or (scales == scales[0]).all():  # the former is refused later
        return pixels
    stored = np.rint((pixels - scales[0, 1]) / scales[0, 0])
    shape = (-1, 1, 1, 1)
    return stored * scales[:, 0].reshape(shape) + scales[:, 1].reshape(shape)


@dataclass
class _Found:
    """The files of a folder: headers by series instance UID, and names of files that are no DICOM image."""

    series: dict[str, list[Header]]
    unreadable: list[str]  # DICOM files that should hold an image
    pictures: list[str]  # image files that are not DICOM

    def warnings(self) -> list[dict[str, str]]:
        found = []
        if self.unreadable:
            message = (
                f"{len(self.unreadable)} DICOM files without a readable image were skipped, the first is "
                f"{self.unreadable[0]}. If one belongs to the series, a slice is missing."
            )
            found.append({"code": "UNREADABLE_FILES", "message": message})
        if self.pictures:
            more = len(self.pictures) - _SHOWN
            names = ", ".join(self.pictures[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
            message = (
                f"The folder holds DICOM images, so it was read as one series; {len(self.pictures)} other image files "
                f"in it were skipped: {names}. Put them into another folder if they are to be read."
            )
            found.append({"code": "OTHER_IMAGES_SKIPPED", "message": message})
        return found


def _scan(folder: Path) -> _Found:
    found = _Found(defaultdict(list), [], [])
    for path in sorted(folder.iterdir()):
        shown = text_bytes(path.name).decode()
        if is_dead_link(path) and not path.name.startswith("."):
            found.unreadable.append(shown)
        if not path.is_file():
            continue
        dicom = is_dicom(path)
        if dicom and (header := read_header(path)):
            found.series[header.series].append(header)
        elif dicom and why_no_pixels(path) is None:
            found.unreadable.append(shown)
        elif not dicom and case_name(path) != path.name and not path.name.startswith("."):
            found.pictures.append(shown)
    return found


def _looks_like_an_image(path: Path) -> bool:
    try:
        return is_dicom(path) and why_no_pixels(path) is None
    except OSError:
        return False


def _choose(found: dict[str, list[Header]], folder: Path, series: str | None) -> list[Header]:
    if not found:
        within = any(path.is_dir() for path in folder.iterdir())
        raise EngineError(
            "EMPTY_FOLDER",
            f"The folder “{folder}” contains no DICOM image.",
            "Give the folder directly above the files." if within else "Give a folder with a DICOM series, or a file.",
        )
    listing = "; ".join(
        f"{uid} ({headers[0].description or 'no description'}, {len(headers)} files)" for uid, headers in found.items()
    )
    if series is not None:
        if series not in found:
            raise EngineError(
                "SERIES_NOT_FOUND", f"The folder “{folder}” contains no series {series}.", f"It contains: {listing}."
            )
        return found[series]
    if len(found) > 1:
        raise EngineError(
            "SEVERAL_SERIES",
            f"The folder “{folder}” contains {len(found)} DICOM series: {listing}.",
            "Name one of them by its UID; on the command line: --series UID.",
        )
    return next(iter(found.values()))
