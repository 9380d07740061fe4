"""The DICOM images that a result was made from: their headers, and which of them holds which slice of the grid."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.file_kinds import START, kind_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_SAME_DIRECTION = 1e-3  # direction cosines
_SAME_PIXELS = 1e-2  # share of the pixel size
_SAME_PLACE = 0.5  # slice distances; slices are placed evenly on the grid, their headers need not be

# Elements that DICOM asks of every object and lets be empty; a derived object takes them from its source.
_EMPTY_IF_MISSING = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime",
    "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip


@dataclass(frozen=True)
class SourceImages:
    """The images, and where each slice of the grid is.

    Attributes:
        datasets: headers without pixels, one for each file. All are of one series.
        places: for each slice of the grid along its first array axis, (index of the dataset, index of the frame).
        is_placed: whether the images state where in the patient they lie.
    """

    datasets: list[Dataset]
    places: list[tuple[int, int]]
    is_placed: bool

    @property
    def is_multiframe(self) -> bool:
        return "NumberOfFrames" in self.datasets[0] and int(self.datasets[0].NumberOfFrames) > 1

    @property
    def order(self) -> list[int]:
        """For each frame, in the order of the datasets and their frames, the slice of the grid that it is."""
        return sorted(range(len(self.places)), key=self.places.__getitem__)


def find_source_images(
    files: Iterable[Path], grid: dict | None, shape: tuple[int, int, int], series: str | None = None
) -> SourceImages:
    """Read the headers of the source images and find the slices of a result's grid among them.

    Args:
        files: of the series; what is no DICOM image, is of another series, or lies beside the grid (a series that was
            loaded in part), is skipped.
        grid: of the result's report; ``None`` for pictures, whose slices are taken in the order of their numbers.
        shape: (slices, rows, columns) of the result.
        series: instance UID, needed where the files are of several series.

    Raises:
        EngineError: SOURCE_MISSING, SOURCE_NOT_DICOM, SEVERAL_SERIES, SOURCE_MISMATCH, SOURCE_INCOMPLETE.
    """
    headers = _one_series([header for file in files if (header := _read(file)) is not None], series)
    if grid is not None and len(headers) > shape[0]:
        headers = _loaded_ones(headers, np.array(grid["affine_lps"], float), shape)
    frames = [(index, frame) for index, header in enumerate(headers) for frame in range(_frames(header))]
    if len(frames) != shape[0]:
        raise _mismatch(_count(len(frames), shape[0]))
    if any((header.Rows, header.Columns) != shape[1:] for header in headers):
        raise _mismatch(f"the images have {headers[0].Columns} × {headers[0].Rows} pixels, not {shape[2]} × {shape[1]}")
    planes = [_plane(headers[index], frame) for index, frame in frames]
    placed = all(plane is not None for plane in planes)
    if grid is not None and placed:
        order = _order_on_grid(planes, np.array(grid["affine_lps"], float))
    elif len(frames) == 1 or len(headers) == 1:
        order = list(range(len(frames)))
    else:
        numbers = [int(header.get("InstanceNumber") or 0) for header in headers]
        if len(set(numbers)) < len(numbers):
            raise _mismatch("its images state neither their positions nor distinct numbers")
        order = sorted(range(len(frames)), key=lambda index: numbers[frames[index][0]])
    for header in headers:
        _complete(header, placed)
    return SourceImages(headers, [frames[index] for index in order], placed)


def _loaded_ones(headers: list[Dataset], affine: np.ndarray, shape: tuple[int, int, int]) -> list[Dataset]:
    """Of a series that was loaded in part: the images of one slice each that lie at the slices of the grid.

    Raises:
        EngineError: SOURCE_MISMATCH, unless exactly one image lies at each.
    """
    step, normal = _step(affine)
    directions = (affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)).T
    found: dict[int, Dataset] = {}
    for header in headers:
        plane = _plane(header, 0) if _frames(header) == 1 else None
        if plane is None or np.abs(plane[1] - directions).max() > _SAME_DIRECTION:
            continue
        index = round(float((plane[0] - affine[:3, 3]) @ normal) / step)
        if not 0 <= index < shape[0]:
            continue
        if index in found:
            raise _mismatch("several of its images lie at the same place (several times or echoes?)")
        found[index] = header
    if len(found) < shape[0]:
        raise _mismatch(_count(len(headers), shape[0]))
    return list(found.values())


def _count(found: int, expected: int) -> str:
    return f"{found} slices were found, but the result has {expected}"


def files_of(place: Path) -> list[Path]:
    """The file, or the files directly in the folder.

    Raises:
        EngineError: SOURCE_MISSING.
    """
    try:
        if os.path.isdir(place):
            return sorted(file for file in place.iterdir() if file.is_file())
    except OSError:
        raise source_missing(place) from None
    if not os.path.isfile(place):
        raise source_missing(place)
    return [place]


def source_missing(place: Path | str) -> EngineError:
    return EngineError(
        "SOURCE_MISSING",
        f"The image of this result is not at “{place}” any more.",
        "Put it back, or say where it is now; on the command line: --source PATH.",
    )


def import_dicom() -> None:
    """Raises ``EngineError`` DICOM_EXTRA_MISSING where the packages for DICOM objects are not installed."""
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise EngineError(
            "DICOM_EXTRA_MISSING",
            f"DICOM objects need the package highdicom, which is not installed or not complete ({error}).",
            'Install it with: pip install "resformer-unet[dicom]"',
        ) from None


def _read(path: Path) -> Dataset | None:
    import pydicom

    try:
        with path.open("rb") as file:
            if kind_of(file.read(START)) != "dicom":
                return None
            file.seek(0)
            header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
    except OSError:
        raise source_missing(path) from None
    except Exception:  # pydicom raises whatever its parsing stumbles over
        return None
    if "Rows" not in header or "SOPInstanceUID" not in header or str(header.get("Modality")) in ("SEG", "SR"):
        return None
    return header


def _one_series(headers: list[Dataset], series: str | None) -> list[Dataset]:
    if not headers:
        raise EngineError(
            "SOURCE_NOT_DICOM",
            "The image of this result is not DICOM, so no DICOM objects can be made for it.",
            "Choose the HTML report, or give the DICOM images that the image was made from.",
        )
    found = {str(header.get("SeriesInstanceUID")) for header in headers}
    if series is None and len(found) > 1:
        raise EngineError(
            "SEVERAL_SERIES",
            f"The images are of {len(found)} series.",
            "Give the files of one series only.",
        )
    chosen = [header for header in headers if series in (None, str(header.get("SeriesInstanceUID")))]
    if not chosen:
        raise _mismatch(f"the series {series} is not among its files")
    return list({str(header.SOPInstanceUID): header for header in chosen}.values())  # files may be there twice


def _frames(header: Dataset) -> int:
    return int(header.get("NumberOfFrames") or 1)


def _plane(header: Dataset, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Position (3,), directions (2, 3) along columns and rows, and distances (2,) of columns and rows in mm."""
    of_frames = header.get("PerFrameFunctionalGroupsSequence")
    places = [*([of_frames[frame]] if of_frames else []), *(header.get("SharedFunctionalGroupsSequence") or ())]

    def value(group: str, name: str) -> object:
        if not of_frames:
            return header.get(name)
        sequences = (place.get(group) for place in places)
        return next((items[0].get(name) for items in sequences if items and items[0].get(name) is not None), None)

    position = value("PlanePositionSequence", "ImagePositionPatient")
    directions = value("PlaneOrientationSequence", "ImageOrientationPatient")
    distances = value("PixelMeasuresSequence", "PixelSpacing")
    if not position or not directions or not distances:
        return None
    row_mm, column_mm = map(float, distances)
    return np.array(position, float), np.array(directions, float).reshape(2, 3), np.array([column_mm, row_mm])


def _order_on_grid(planes: list[tuple], affine: np.ndarray) -> list[int]:
    """The plane that lies at each slice of the grid.

    Raises:
        EngineError: SOURCE_MISMATCH, unless each is at its place, with the grid's pixels.
    """
    spacing = np.linalg.norm(affine[:3, :2], axis=0)
    step, normal = _step(affine)
    heights = np.array([plane[0] @ normal for plane in planes])
    order = np.argsort(heights if step > 0 else -heights, kind="stable").tolist()
    for slice_index, plane_index in enumerate(order):
        position, directions, distances = planes[plane_index]
        expected = (affine @ [0, 0, slice_index, 1])[:3]
        if np.abs(directions - (affine[:3, :2] / spacing).T).max() > _SAME_DIRECTION:
            raise _mismatch("its slices lie in another direction")
        if np.abs(distances / spacing - 1).max() > _SAME_PIXELS:
            raise _mismatch("its pixels have another size")
        if np.linalg.norm(position - expected) > max(_SAME_PLACE * abs(step), spacing.min() / 2):
            raise _mismatch("its slices lie at other places")
    return order


def _step(affine: np.ndarray) -> tuple[float, np.ndarray]:
    """From slice to slice in mm along the normal of the slices, and that normal."""
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    normal /= np.linalg.norm(normal)
    return float(affine[:3, 2] @ normal), normal


def _complete(header: Dataset, placed: bool) -> None:
    """Raises ``EngineError``: SOURCE_INCOMPLETE. Elements that may be empty are added where they are missing."""
    needed = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"]
    needed += ["FrameOfReferenceUID"] if placed else []
    if missing := [name for name in needed if not header.get(name)]:
        raise EngineError(
            "SOURCE_INCOMPLETE",
            f"The image lacks what DICOM objects must refer to: {', '.join(missing)}.",
            "Export the series again from its source.",
        )
    for name in _EMPTY_IF_MISSING:
        if name not in header:
            setattr(header, name, "")


def _mismatch(reason: str) -> EngineError:
    return EngineError(
        "SOURCE_MISMATCH",
        f"The DICOM series does not fit the result: {reason}.",
        "Give the very series that the result was made from, complete and unchanged; a volume that was cropped or "
        "resampled has no such series.",
    )
