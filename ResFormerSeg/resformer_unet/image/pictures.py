"""Pictures that Pillow reads, and the orientation tag (EXIF) that cameras write."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import corrupt, too_large

FORMATS = {"png": "PNG", "jpeg": "JPEG", "jp2": "JPEG2000", "bmp": "BMP", "tiff": "TIFF"}
EXIF_ORIENTATION = "EXIF_ORIENTATION"  # code of a warning
_ORIENTATION = 0x0112
_AS = {"1": "L", "LA": "L", "La": "L", "PA": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}


def pillow() -> ModuleType:
    """``PIL.Image``, with the messages for people who program with it turned off.

    Raises:
        EngineError: PACKAGE_MISSING.
    """
    try:
        import PIL.Image
    except ModuleNotFoundError:
        raise missing_package("pillow", "pictures of this kind") from None
    return PIL.Image


def missing_package(name: str, what: str) -> EngineError:
    return EngineError(
        "PACKAGE_MISSING",
        f"Reading {what} needs the Python package {name}, which is not installed.",
        f"Get it with: pip install {name}",
    )


def has_grey_and_alpha(start: bytes) -> bool:
    """Whether a PNG has grey values with transparency, which ITK refuses; ``start``: its first bytes."""
    depth_and_colour = start[24:26]
    if len(depth_and_colour) < 2:
        return False
    colour = depth_and_colour[1]
    return colour == 4 or (colour == 0 and b"tRNS" in start[: start.find(b"IDAT")])


def read_picture(path: Path, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a picture with Pillow, without applying its orientation tag.

    Alpha beside grey is dropped; a palette is replaced by its colours.

    Args:
        kind: a key of :data:`FORMATS`.

    Returns:
        (rows, columns, channels), uint8, uint16, int32 or float32; and an affine (4, 4) with the pixels' aspect.

    Raises:
        EngineError: CORRUPT_IMAGE, IMAGE_TOO_LARGE, PACKAGE_MISSING.
        OSError: the file cannot be opened.
    """
    images = pillow()
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with images.open(file, formats=[FORMATS[kind]]) as picture:
                pixels, density = _pixels(picture), _density(picture.info)
        except (images.DecompressionBombError, MemoryError):
            raise too_large(path.name) from None
        except Exception:  # the readers behind Pillow raise whatever their parsing stumbles over
            raise corrupt(path) from None
    return (pixels if pixels.ndim == 3 else pixels[..., None]), affine_of_density(density)


def affine_of_density(density: tuple[float, float] | None) -> np.ndarray:
    """(4, 4) for a picture with so many columns and rows an inch; only the ratio of the two counts."""
    if density is None or not min(density) > 0:
        return np.eye(4)
    return np.diag([1.0, float(density[0]) / float(density[1]), 1.0, 1.0])


def _pixels(picture) -> np.ndarray:
    if picture.mode == "P":
        picture = picture.convert("RGB")
    elif picture.mode in _AS:
        picture = picture.convert(_AS[picture.mode])
    pixels = np.asarray(picture)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def orientation_and_shape_of(path: Path, kind: str) -> tuple[int, np.ndarray]:
    """The orientation tag of a picture, 1 (as stored, also without a tag) to 8; and an affine (4, 4) with its pixels'
    aspect.

    Raises:
        EngineError: PACKAGE_MISSING.
    """
    images = pillow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with path.open("rb") as file, images.open(file, formats=[FORMATS[kind]]) as picture:
                tag, affine = picture.getexif().get(_ORIENTATION, 1), affine_of_density(_density(picture.info))
        except Exception:  # a damaged tag is no reason to refuse the picture
            return 1, np.eye(4)
    return (tag if tag in range(1, 9) else 1), affine


def _density(info: Mapping) -> tuple[float, float] | None:
    """Columns and rows a length, of whatever unit."""
    shape_only = info.get("jfif_density") if info.get("jfif_unit") == 0 else info.get("aspect")
    return info.get("dpi", shape_only)


def turned(voxels: np.ndarray, orientation: int) -> np.ndarray:
    """Views of stored slices as the orientation tag asks viewers to show them; (slices, rows, columns, channels)."""
    if orientation in (5, 6, 7, 8):
        voxels = voxels.swapaxes(1, 2)
    if orientation in (3, 4, 7, 8):
        voxels = voxels[:, ::-1]
    if orientation in (2, 3, 6, 7):
        voxels = voxels[:, :, ::-1]
    return voxels


def orientation_warning(orientation: int) -> dict[str, str]:
    message = (
        f"The picture's orientation tag (EXIF {orientation}) was applied: results lie on the picture as viewers show "
        "it, not on the pixels as they are stored. Programs that ignore the tag, such as 3D Slicer, show it turned."
    )
    return {"code": EXIF_ORIENTATION, "message": message}
