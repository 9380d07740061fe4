"""Medical images in memory: their geometry, checks and channels.

Not with SimpleITK, whose import takes 0.15 s and 100 MB: images given as arrays, as to the worker, need no reader.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.stored_segments import StoredSegment

SMALLEST_SIDE = 8  # pixels; smaller images are refused
_BLOCK = 1 << 22  # voxels that are checked at a time, so that a large volume needs little memory
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
_SUFFIX = re.compile(
    r"(\.seg)?\.(nrrd|nhdr|nii|nii\.gz|hdr|img|mha|mhd|dcm|png|jpe?g|jpe|jfif|jp2|j2k|tiff?|bmp)$", re.IGNORECASE
)


@dataclass(frozen=True)
class MedicalImage:
    """A picture, slice or volume with its geometry.

    Attributes:
        voxels: (slices, rows, columns, channels), any real dtype, as stored.
        affine: (4, 4) float64: (column i, row j, slice k, 1) to millimetres in LPS (left, posterior, superior).
        name: case name: the file's name without suffixes, or the folder's name for a DICOM series.
        has_orientation: False for pictures, of whose affine only the spacing is meaningful.
        warnings: of the reader, as {"code", "message"}.
        pixel_size_known: False where a file with an orientation states no size of its pixels.
        slice_distance_known: False where it states neither the distance of its slices nor the thickness of a single
            one; the third column of the affine then has the length 1.
        segments: of a segmentation file, as its header names them.
    """

    voxels: np.ndarray
    affine: np.ndarray
    name: str
    has_orientation: bool
    warnings: tuple[dict[str, str], ...] = ()
    pixel_size_known: bool = True
    slice_distance_known: bool = True
    segments: tuple[StoredSegment, ...] = ()

    @property
    def has_areas(self) -> bool:
        """Whether lengths and areas within a slice are known in millimetres; those of a picture are not."""
        return self.has_orientation and self.pixel_size_known

    @property
    def has_volumes(self) -> bool:
        """Whether volumes are known in cubic millimetres."""
        return self.has_areas and self.slice_distance_known

    @property
    def spacing(self) -> np.ndarray:
        """(3,) voxel size in millimetres along column i, row j and slice k."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return self.voxels.shape[:3]


def voxel_mm3(affine: np.ndarray) -> float:
    """The volume of a voxel in cubic millimetres, of an affine (4, 4); right for sheared grids too."""
    return abs(float(np.linalg.det(affine[:3, :3])))


def case_name(path: Path) -> str:
    """A file's name without the suffixes of image formats, or “image” if nothing is left; other dots belong to it."""
    return _SUFFIX.sub("", path.name) or "image"


def case_id(path: Path) -> str:
    """The id by which a data set's table knows a file: :func:`case_name` in Unicode's form NFC.

    Some file systems decompose letters such as “ü” in the names of files (NFD), and tables seldom do.
    """
    return unicodedata.normalize("NFC", case_name(path))


def image_from_array(voxels: np.ndarray, affine: np.ndarray, name: str, has_orientation: bool = True) -> MedicalImage:
    """Make an image of an array that is already in memory (or memory-mapped); nothing is copied.

    Args:
        voxels: (slices, rows, columns) or (slices, rows, columns, channels).
        affine: (4, 4): (column, row, slice, 1) to LPS millimetres.
        name: case name.
        has_orientation: whether the directions of the affine are meaningful.

    Raises:
        EngineError: IMAGE_4D, IMAGE_EMPTY, COMPLEX_IMAGE, BAD_GEOMETRY.
    """
    if voxels.ndim not in (3, 4):
        raise four_dimensional(name, voxels.ndim)
    if voxels.size == 0:
        raise empty(name)
    if voxels.dtype.kind not in "biuf":
        raise complex_numbers(name)
    affine = np.array(affine, np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or np.linalg.det(affine[:3, :3]) == 0:
        raise bad_geometry(name)
    if voxels.dtype == bool:
        voxels = voxels.view(np.uint8)
    return MedicalImage(voxels if voxels.ndim == 4 else voxels[..., None], affine, name, has_orientation)


def check_image(image: MedicalImage) -> list[dict[str, str]]:
    """Refuse images without content; return warnings {"code", "message"} about doubtful ones.

    Raises:
        EngineError: IMAGE_TOO_SMALL, NO_FINITE_VALUES, CONSTANT_IMAGE.
    """
    if sorted(image.shape)[1] < SMALLEST_SIDE:
        size = " × ".join(str(length) for length in image.shape[::-1])
        raise EngineError(
            "IMAGE_TOO_SMALL",
            f"“{image.name}” has only {size} voxels.",
            f"Give an image of at least {SMALLEST_SIDE} × {SMALLEST_SIDE} pixels.",
        )
    lowest, highest, not_finite = np.inf, -np.inf, 0
    for block in _blocks(image.voxels):
        if block.dtype.kind == "f":
            finite = np.isfinite(block)
            not_finite += block.size - int(np.count_nonzero(finite))
            block = block[finite]
        if block.size:
            lowest, highest = min(lowest, block.min()), max(highest, block.max())
    if not_finite == image.voxels.size:
        raise EngineError(
            "NO_FINITE_VALUES",
            f"Every value of “{image.name}” is NaN or infinite.",
            "Export the image again from its source.",
        )
    if lowest == highest:
        raise EngineError(
            "CONSTANT_IMAGE",
            f"Every pixel of “{image.name}” has the value {lowest:g}.",
            "Check that the right image was given, and how it was exported.",
        )
    if not_finite:
        message = f"{not_finite} values are NaN or infinite; they are replaced by the lower intensity limit."
        return [{"code": "NON_FINITE_VALUES", "message": message}]
    return []


def is_grey(image: MedicalImage) -> bool:
    """Whether an image has one channel, or its red, green and blue are equal everywhere."""
    return all((block[..., :1] == block[..., 1:3]).all() for block in _blocks(image.voxels))


def convert_channels(image: MedicalImage, channels: int) -> tuple[MedicalImage, list[dict[str, str]]]:
    """Give an image as many channels as a model takes: colour to luminance, grey to colour, without alpha.

    Args:
        image: 1 (grey), 3 (RGB) or 4 (RGBA) channels, or as many as ``channels``.
        channels: of the model.

    Returns:
        The image (views where no arithmetic is needed) and warnings {"code", "message"}.

    Raises:
        EngineError: TOO_MANY_COMPONENTS.
    """
    present, voxels = image.voxels.shape[-1], image.voxels
    if present == channels:
        return image, []
    if present == 4 and channels == 3:
        return replace(image, voxels=voxels[..., :3]), []
    if present == 1 and channels == 3:
        message = "The model was trained on colour images; this greyscale image was converted to RGB."
        repeated = np.broadcast_to(voxels, (*image.shape, 3))
        return replace(image, voxels=repeated), [{"code": "CONVERTED_TO_RGB", "message": message}]
    if present in (3, 4) and channels == 1:
        if is_grey(image):
            return replace(image, voxels=voxels[..., :1]), []
        message = "The model was trained on greyscale images; this colour image was converted to luminance."
        return replace(image, voxels=_luminance(voxels)), [{"code": "CONVERTED_TO_GREY", "message": message}]
    raise EngineError(
        "TOO_MANY_COMPONENTS" if present > channels else "TOO_FEW_COMPONENTS",
        f"“{image.name}” has {present} values per pixel; the model needs {channels}.",
        "Export one channel, or a greyscale or RGB image.",
    )


def _blocks(voxels: np.ndarray) -> Iterator[np.ndarray]:
    """Views that together cover the voxels, each within a slice and of bounded size."""
    rows = max(1, _BLOCK // (voxels.shape[2] * voxels.shape[3]))
    for pixels in voxels:
        for first in range(0, len(pixels), rows):
            yield pixels[first : first + rows]


def _luminance(voxels: np.ndarray) -> np.ndarray:
    """Brightness (k, j, i, 1) of RGB(A) voxels in their own dtype, rounded where that is an integer."""
    grey = np.empty((*voxels.shape[:3], 1), voxels.dtype)
    for block, target in zip(_blocks(voxels), _blocks(grey), strict=True):
        value = block[..., :3] @ np.asarray(_LUMINANCE)
        target[..., 0] = value if voxels.dtype.kind == "f" else np.rint(value)
    return grey


# Errors that several modules raise.


def corrupt(path: Path) -> EngineError:
    return EngineError(
        "CORRUPT_IMAGE",
        f"“{path.name}” is damaged, incomplete, or contains no image.",
        "Copy or download it again, or export it anew.",
    )


def bad_geometry(name: str) -> EngineError:
    return EngineError(
        "BAD_GEOMETRY",
        f"The geometry of “{name}” is invalid: its spacing or directions are zero, parallel or not finite.",
        "Correct the spacing and the directions of the image.",
    )


def empty(name: str) -> EngineError:
    return EngineError("IMAGE_EMPTY", f"“{name}” has no pixels.", "Export the image again from its source.")


def complex_numbers(name: str) -> EngineError:
    return EngineError("COMPLEX_IMAGE", f"“{name}” contains complex numbers.", "Export the magnitude image.")


def four_dimensional(name: str, dimensions: int) -> EngineError:
    return EngineError(
        "IMAGE_4D",
        f"“{name}” has {dimensions} dimensions; one volume or one picture is expected.",
        "Take it as a sequence (on the command line: --frames all), or export a single time point (frame).",
    )


def too_large(name: str, size: str = "") -> EngineError:
    """size: such as “512 × 512 × 90000”."""
    return EngineError(
        "IMAGE_TOO_LARGE",
        f"“{name}”{f' ({size})' if size else ''} does not fit into memory.",
        "Crop it, or use a computer with more memory.",
    )
