"""DICOM series: files of a folder grouped, put in order and read with their exact geometry."""

from __future__ import annotations

import os.path
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk

from resformer_unet.errors import EngineError

sitk.ProcessObject.GlobalWarningDisplayOff()  # this package reports in its own messages what matters of ITK's

_SOP_CLASS, _SERIES, _DESCRIPTION, _NUMBER = "0008|0016", "0020|000e", "0008|103e", "0020|0013"
_POSITION, _ORIENTATION = "0020|0032", "0020|0037"

# Enhanced CT, MR, MR colour and PET, also legacy converted, store orientations in sequences for each frame.
_ENHANCED = ("1.2.840.10008.5.1.4.1.1.2.", "1.2.840.10008.5.1.4.1.1.4.", "1.2.840.10008.5.1.4.1.1.130")
_ENHANCED += ("1.2.840.10008.5.1.4.1.1.128.1",)

_SAME_ORIENTATION = 1e-3  # direction cosines
_EVEN = 0.02  # share of the median slice distance by which distances may differ


class Series(NamedTuple):
    """A series that was read; ``affine`` (column, row, slice to LPS millimetres) is exact for tilted gantries too."""

    pixels: sitk.Image
    affine: np.ndarray
    has_orientation: bool
    warnings: tuple[dict[str, str], ...]


@dataclass(frozen=True)
class _Header:
    path: Path
    series: str
    description: str
    number: int
    size: tuple[int, ...]
    position: np.ndarray | None  # (3,) millimetres
    directions: np.ndarray | None  # (2, 3): unit vectors along columns i and rows j


def is_oriented(reader: sitk.ImageFileReader) -> bool:
    """Whether a DICOM file states its orientation in the patient; ``reader``: after ``ReadImageInformation``."""
    return _numbers(reader, _ORIENTATION, 6) is not None or _text(reader, _SOP_CLASS).startswith(_ENHANCED)


def holds_images(folder: Path) -> bool:
    """Whether a folder contains a DICOM image; folders within it are not searched.

    Raises:
        OSError: the folder cannot be listed.
    """
    return any(os.path.isfile(path) and _read_header(path) is not None for path in sorted(folder.iterdir()))


def read_series(folder: Path, series: str | None = None) -> Series:
    """Read the DICOM series of a folder (not of folders within), sorted by position along the slice normal.

    Args:
        folder: with the files, which may have any name; files that are not DICOM images are skipped.
        series: series instance UID, needed where there are several.

    Raises:
        EngineError: EMPTY_FOLDER, SEVERAL_SERIES, SERIES_NOT_FOUND, MIXED_SERIES, IMAGE_4D, CORRUPT_IMAGE.
        OSError: the folder cannot be listed.
    """
    found, unreadable = _scan(folder)
    headers = _choose(found, folder, series)
    if len(headers) > 1 and any(header.size[2] > 1 for header in headers):
        raise EngineError(
            "IMAGE_4D",
            f"The series in “{folder.name}” consists of {len(headers)} files that are volumes themselves.",
            "Give one of the files.",
        )
    if len({header.size for header in headers}) > 1:
        raise _mixed(folder, "sizes")

    between, warnings = None, []
    if unreadable:
        message = (
            f"{len(unreadable)} DICOM files without a readable image were skipped, the first is {unreadable[0]}. "
            "If one belongs to the series, a slice is missing."
        )
        warnings.append({"code": "UNREADABLE_FILES", "message": message})
    if all(header.position is not None and header.directions is not None for header in headers):
        headers, between = _sort_by_position(headers, folder, warnings)
    else:
        headers = sorted(headers, key=lambda header: (header.number, header.path.name))

    pixels, oriented = _read_pixels(headers)
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(pixels.GetDirection(), (3, 3)) * pixels.GetSpacing()
    affine[:3, 3] = pixels.GetOrigin()
    if between is not None:
        affine[:3, 2] = between
    return Series(pixels, affine, oriented, tuple(warnings))


def _scan(folder: Path) -> tuple[dict[str, list[_Header]], list[str]]:
    """Headers of all DICOM images of a folder by series instance UID; names of DICOM files that are no such image."""
    found, unreadable = defaultdict(list), []
    for path in sorted(folder.iterdir()):
        if not path.is_file():
            continue
        if header := _read_header(path):
            found[header.series].append(header)
        else:
            with path.open("rb") as file:
                if file.read(132).endswith(b"DICM"):
                    unreadable.append(path.name)
    return found, unreadable


def _read_header(path: Path) -> _Header | None:
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None
    size = reader.GetSize()
    number = _numbers(reader, _NUMBER, 1)
    directions = _numbers(reader, _ORIENTATION, 6)
    return _Header(
        path=path,
        series=_text(reader, _SERIES),
        description=_text(reader, _DESCRIPTION),
        number=int(number[0]) if number is not None else 0,
        size=(*size, 1)[:3],
        position=_numbers(reader, _POSITION, 3),
        directions=directions.reshape(2, 3) if directions is not None else None,
    )


def _choose(found: dict[str, list[_Header]], folder: Path, series: str | None) -> list[_Header]:
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


def _sort_by_position(
    headers: list[_Header], folder: Path, warnings: list[dict[str, str]]
) -> tuple[list[_Header], np.ndarray | None]:
    """Headers in order along the slice normal, and the mean step (3,) between slices in mm (None for one slice)."""
    directions = headers[0].directions
    if any(np.abs(header.directions - directions).max() > _SAME_ORIENTATION for header in headers):
        raise _mixed(folder, "orientations")
    if len(headers) == 1:
        return headers, None
    normal = np.cross(*directions)
    headers = sorted(headers, key=lambda header: header.position @ normal)
    distances = np.diff([header.position @ normal for header in headers])
    usual = float(np.median(distances))
    if distances.min() <= 1e-3 * max(usual, 1e-3):
        raise EngineError(
            "IMAGE_4D",
            f"The series in “{folder.name}” has several slices at the same position (several times or echoes?).",
            "Put the files of one volume into a folder of their own.",
        )
    if np.abs(distances - usual).max() > _EVEN * usual:
        message = (
            f"The slices are {distances.min():.4g} to {distances.max():.4g} mm apart; some may be missing. "
            "Even spacing is assumed, so volumes in mm³ are approximate."
        )
        warnings.append({"code": "UNEVEN_SPACING", "message": message})
    return headers, (headers[-1].position - headers[0].position) / (len(headers) - 1)


def _read_pixels(headers: list[_Header]) -> tuple[sitk.Image, bool]:
    try:
        if len(headers) == 1:
            reader = sitk.ImageFileReader()
            reader.SetFileName(str(headers[0].path))
            pixels = reader.Execute()
            return pixels, is_oriented(reader)
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames([str(header.path) for header in headers])
        return reader.Execute(), headers[0].directions is not None
    except RuntimeError:
        raise EngineError(
            "CORRUPT_IMAGE",
            f"The DICOM series in “{headers[0].path.parent}” cannot be read: a file is damaged or incomplete.",
            "Copy or export the series again.",
        ) from None


def _mixed(folder: Path, what: str) -> EngineError:
    return EngineError(
        "MIXED_SERIES",
        f"The slices of the series in “{folder.name}” have different {what} (is a localizer among them?).",
        "Put the files of one volume into a folder of their own.",
    )


def _text(reader: sitk.ImageFileReader, tag: str) -> str:
    if not reader.HasMetaDataKey(tag):
        return ""
    # Descriptions may be in any character set; bytes that are not UTF-8 must not break a message later.
    return reader.GetMetaData(tag).encode("utf-8", "replace").decode().strip(" \0")


def _numbers(reader: sitk.ImageFileReader, tag: str, count: int) -> np.ndarray | None:
    try:
        values = np.array([float(value) for value in _text(reader, tag).split("\\")])
    except ValueError:
        return None
    return values if values.shape == (count,) and np.isfinite(values).all() else None
