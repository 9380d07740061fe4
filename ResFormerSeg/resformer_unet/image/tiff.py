"""TIFF files: their structure is looked at before a reader is let loose on them.

ITK reads all pages into memory that has the first page's size, takes grey and alpha for grey, shows WhiteIsZero as a
negative, and cuts tiles and separate channels to 8 bits. Here it decodes those files whose pages it reads right;
tifffile and Pillow decode the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage, corrupt, too_large
from resformer_unet.image.pictures import affine_of_density, missing_package, read_picture

_WHITE_IS_ZERO, _PALETTE = 0, 3
_REDUCED_OR_MASK = 1 | 4  # bits of NewSubfileType
_ITK_BITS = {1: (1, 8, 16, 32), 2: (8, 16, 32), 3: (32,)}  # by sample format: unsigned, signed, floating
_ITK_COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946}  # none, CCITT, LZW, JPEG, Deflate, PackBits


def read_tiff(path: Path, read_with_itk: Callable[[], MedicalImage]) -> tuple[np.ndarray, np.ndarray, int]:
    """Read a TIFF file: the pages of one size and kind are slices; smaller versions and masks of a page are left out.

    Args:
        path: the file.
        read_with_itk: reads all pages as ITK does; called where that is right.

    Returns:
        (slices, rows, columns, channels) as stored, with zero for black; an affine (4, 4) with the aspect of its
        pixels; and the orientation tag, 1 to 8.

    Raises:
        EngineError: CORRUPT_IMAGE, MIXED_PAGES, UNSUPPORTED_FORMAT, IMAGE_TOO_LARGE, PACKAGE_MISSING.
    """
    if not pages_are_linked(path):
        raise corrupt(path)
    try:
        import tifffile
    except ModuleNotFoundError:
        raise missing_package("tifffile", "TIFF pictures") from None
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what matters is reported here
    try:
        with path.open("rb") as file, tifffile.TiffFile(file) as tiff:
            everything = list(tiff.pages)
            pages = [page for page in everything if not int(page.subfiletype) & _REDUCED_OR_MASK] or everything[:1]
            _check_pages(path, pages)
            orientation = _orientation(pages[0])
            if len(pages) == len(everything) and _is_plain(pages[0], orientation):
                voxels = read_with_itk().voxels
            else:
                voxels = np.stack([_decoded(path, page, len(everything)) for page in pages])
            affine = affine_of_density(_density(pages[0]))
            return _black_is_zero(path, pages[0], voxels), affine, orientation
    except EngineError:
        raise
    except MemoryError:
        raise too_large(path.name) from None
    except Exception:  # tifffile raises whatever its parsing stumbles over
        raise corrupt(path) from None


def pages_are_linked(path: Path) -> bool:
    """Whether the chain of page directories of a TIFF ends inside the file."""
    with path.open("rb") as file:
        order = "little" if file.read(2) == b"II" else "big"

        def number(size: int) -> int:
            return int.from_bytes(file.read(size), order)

        big = number(2) == 43  # BigTIFF
        count_size, entry_size, offset_size = (8, 20, 8) if big else (2, 12, 4)
        file.seek(8 if big else 4)
        size, seen = path.stat().st_size, set()
        while offset := number(offset_size):
            if offset in seen or offset + count_size > size:
                return False
            seen.add(offset)
            file.seek(offset)
            following = offset + count_size + number(count_size) * entry_size
            if following + offset_size > size:
                return False
            file.seek(following)
    return True


def _check_pages(path: Path, pages: Sequence[Any]) -> None:
    kinds = {(page.shape, page.dtype, int(page.photometric), page.extrasamples, _orientation(page)) for page in pages}
    if len(kinds) > 1:
        raise EngineError(
            "MIXED_PAGES",
            f"“{path.name}” has {len(pages)} pages of different size or kind; they form neither a picture nor a stack.",
            "Save the page that is wanted as a file of its own.",
        )
    size = path.stat().st_size
    for page in pages:
        if page.dtype is None:
            raise _unsupported(path, page)
        if not page.shape or 0 in page.shape:
            raise corrupt(path)
        parts = zip(page.dataoffsets, page.databytecounts, strict=True)
        if any(offset + count > size for offset, count in parts):
            raise corrupt(path)


def _orientation(page: Any) -> int:
    tag = page.tags.get("Orientation")
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _density(page: Any) -> tuple[float, float] | None:
    """Columns and rows a unit of length."""
    tags = page.tags.get("XResolution"), page.tags.get("YResolution")
    if None in tags:
        return None
    (across, across_of), (down, down_of) = (tag.value for tag in tags)
    return (across / across_of, down / down_of) if across_of and down_of else None


def _is_plain(page: Any, orientation: int) -> bool:
    """Whether ITK reads pages of this kind right; whether black is zero is seen to afterwards."""
    grey_with_others = int(page.photometric) in (0, 1) and page.samplesperpixel > 1
    bits = _ITK_BITS.get(int(page.sampleformat), ())
    known = page.bitspersample in bits and int(page.compression) in _ITK_COMPRESSIONS
    return known and orientation == 1 and not grey_with_others and (_is_in_strips(page) or _is_of_bytes(page))


def _is_in_strips(page: Any) -> bool:
    """Whether pixels lie row by row, with their channels together; all others ITK reads as colours with 8 bits."""
    return not page.is_tiled and (page.samplesperpixel == 1 or int(page.planarconfig) == 1)


def _is_of_bytes(page: Any) -> bool:
    """Whether nothing is lost by that."""
    of_bytes = page.bitspersample == 8 and int(page.sampleformat) == 1
    return of_bytes and int(page.photometric) not in (_WHITE_IS_ZERO, _PALETTE)


def _decoded(path: Path, page: Any, pages: int) -> np.ndarray:
    """(rows, columns, channels) of a page; only the first channel where others lie beside grey."""
    try:
        pixels = page.asarray()
    except (
        ValueError,
        ImportError,
        NotImplementedError,
    ):  # a compression or a number of bits that needs the package imagecodecs
        if pages > 1 or not _is_known_to_pillow(page) or not _is_packed(page):
            raise _unsupported(path, page) from None
        try:
            return read_picture(path, "tiff")[0]
        except EngineError:
            raise _unsupported(path, page) from None
    if page.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    elif page.axes not in ("YX", "YXS"):
        raise _unsupported(path, page)
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    if int(page.photometric) == _PALETTE:
        return page.colormap.T[pixels[..., 0]]
    return pixels[..., :1] if int(page.photometric) in (0, 1) else pixels


def _black_is_zero(path: Path, page: Any, voxels: np.ndarray) -> np.ndarray:
    if int(page.photometric) != _WHITE_IS_ZERO or page.bitspersample == 1:
        return voxels  # one bit is turned by every reader
    if voxels.dtype.kind != "u":
        raise _unsupported(path, page)
    return voxels.dtype.type(2**page.bitspersample - 1) - voxels


def _is_known_to_pillow(page: Any) -> bool:
    """Whether Pillow gives all bits of the pixels; of colours it takes the upper eight."""
    grey = page.samplesperpixel == 1 and int(page.sampleformat) == 1
    return page.bitspersample in (1, 8, 12) or (page.bitspersample == 16 and grey)


def _is_packed(page: Any) -> bool:
    """Whether 12 bits have no gaps between them; some programs keep each number in 16 bits, which would be misread."""
    if page.bitspersample != 12:
        return True
    row = -(-page.imagewidth * page.samplesperpixel * 12 // 8)
    return int(page.compression) == 1 and sum(page.databytecounts) == row * page.imagelength


def _unsupported(path: Path, page: Any) -> EngineError:
    compression = getattr(page.compression, "name", page.compression)
    photometric = getattr(page.photometric, "name", page.photometric)
    return EngineError(
        "UNSUPPORTED_FORMAT",
        f"“{path.name}” is a kind of TIFF that is not supported ({page.bitspersample} bits, {photometric}, compression "
        f"{compression}).",
        "Save it as TIFF with 8 or 16 bits and LZW compression, or as PNG.",
    )
