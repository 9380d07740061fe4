"""A picture of the slice with the largest lesion, with the contours of all segments; as PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.preprocessing.letterbox import Letterbox
from resformer_unet.preprocessing.slice_layout import choose_layout
from resformer_unet.report.case import ReportCase

LONGER_SIDE = 520  # pixels of the picture
CONTOUR = 2  # pixels
_RADIOLOGICAL = {"volume": "radiological", "picture": "stored"}


def draw_picture(case: ReportCase) -> bytes | None:
    """PNG of the slice, as on a radiologist's screen and with square pixels; ``None`` without an image or a lesion."""
    lesion = case.report["largest_lesion"]
    if case.image is None or lesion is None:
        return None
    return draw_slice(case.image, case.masks, case.report["segments"], case.report["slice_axis"], lesion["slice"])


def draw_slice(image: MedicalImage, masks: np.ndarray, segments: Sequence[dict], slice_axis: dict, index: int) -> bytes:
    """PNG of one slice.

    Args:
        masks: bool (segments, slices, rows, columns) on the image's grid; segments: rows with ``color``.
        slice_axis: of the report; index: along that axis.
    """
    layout = choose_layout(image, f"axis{slice_axis['array_axis']}", _RADIOLOGICAL)
    row_mm, column_mm, _ = layout.spacing(image)
    one = slice(index, index + 1)
    pixels = layout.stack(image.voxels)[one]
    box = Letterbox.fit(*pixels.shape[1:3], row_mm, column_mm, (LONGER_SIDE, LONGER_SIDE))
    size = box.content[2:]
    shown = _resized(_scaled(box.shrink(pixels)[0], image.voxels.dtype == np.uint8), size)
    for mask, segment in zip(masks, segments, strict=True):
        inside = _resized(box.shrink(layout.stack(mask)[one][..., None])[0].astype(float), size)[..., 0] >= 0.5
        contour = inside & ~ndimage.binary_erosion(inside, iterations=CONTOUR, border_value=0)
        shown[contour] = np.asarray(segment["color"], float) / 255
    return png((shown.clip(0, 1) * 255).round().astype(np.uint8))


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of uint8 (rows, columns, 3); without a library, since Slicer's Python may lack one."""
    rows, columns, _ = pixels.shape
    lines = np.zeros((rows, 1 + columns * 3), np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = pixels.reshape(rows, -1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    written = (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def _scaled(pixels: np.ndarray, eight_bit: bool) -> np.ndarray:
    """(rows, columns, 3) from 0 to 1; other than 8-bit pictures by their percentiles."""
    colours = pixels[..., :3] if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    colours = np.nan_to_num(colours.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = (0, 255) if eight_bit else np.percentile(colours, (0.5, 99.5))
    return ((colours - low) / max(high - low, 1e-9)).clip(0, 1)


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(rows, columns, channels) in another size, smoothed first where it becomes smaller."""
    factors = [length / new for length, new in zip(pixels.shape, size, strict=False)]
    pixels = ndimage.gaussian_filter(pixels, [*(max(0.0, (factor - 1) / 2) for factor in factors), 0])
    rows, columns = (
        (np.arange(new) + 0.5) * factor - 0.5 for new, factor in zip(size, factors, strict=True)
    )  # centres of the new pixels
    places = np.meshgrid(rows, columns, indexing="ij")
    channels = [
        ndimage.map_coordinates(channel, places, order=1, mode="nearest") for channel in np.moveaxis(pixels, -1, 0)
    ]
    return np.stack(channels, axis=-1)
