"""What the text headers of NRRD and MetaImage files state, and ITK ignores: units, and that nothing is stated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from resformer_unet.image.medical_image import MedicalImage

_LONGEST_HEADER, _LONGEST_LINE = 1 << 20, 1 << 16  # bytes
TEXT_HEADERS = {  # by the name of the ImageIO that reads them; “key:=value” in NRRD is the file's own
    "NrrdImageIO": re.compile(r"([^:=]+): *(.*)"),
    "MetaImageIO": re.compile(r"(\w+) *= *(.*)"),
}
_QUOTED = re.compile(r'"([^"]*)"')
_PLACED = {
    "lps",
    "ras",
    "las",
    "lpst",
    "rast",
    "last",
    *(f"{side}-superior" for side in ("left-posterior", "right-anterior", "left-anterior")),
}
_MM = {
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-6),
    **dict.fromkeys(("um", "µm", "μm", "micron", "micrometer", "micrometre"), 1e-3),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
    **dict.fromkeys(("in", "inch"), 25.4),
}


def as_stated(image: MedicalImage, path: Path, file_format: str) -> MedicalImage:
    """A volume as its file means it: in millimetres, with the values that stored ones stand for, and with warnings
    PIXEL_SIZE_UNKNOWN, ORIENTATION_UNKNOWN and UNIT_CONVERTED.

    Args:
        image: as ITK reads it.
        path: of the file with the header.
        file_format: a key of :data:`TEXT_HEADERS`.
    """
    fields = _fields(path, TEXT_HEADERS[file_format])
    if file_format == "MetaImageIO":
        image = _rescaled(image, fields)
        units, sized, placed = (
            [fields.get("distanceunits", "")],
            bool({"elementspacing", "elementsize"} & {*fields}),
            True,
        )
    else:
        units = _QUOTED.findall(fields.get("space units", fields.get("units", "")))
        sized = "space directions" in fields or _are_lengths(fields.get("spacings", ""))
        placed = fields.get("space", "").lower().removesuffix("-time") in _PLACED
    if not image.has_orientation:  # of a picture only the ratio of its spacings counts
        return image
    warnings = list(image.warnings)
    if not placed:
        warnings.append(orientation_unknown())
    scales = {unit: _MM[unit] for unit in (name.strip().lower().removesuffix("s") for name in units) if unit in _MM}
    if not sized or len({*scales.values()}) > 1:
        warnings.append(size_unknown())
        return replace(image, pixel_size_known=False, warnings=tuple(warnings))
    unit, scale = next(iter(scales.items()), ("mm", 1.0))
    if scale == 1:
        return replace(image, warnings=tuple(warnings))
    message = (
        f"The file states its geometry in {unit}; it was converted to millimetres. Programs that ignore the unit, such "
        "as 3D Slicer, show the result at another scale than the image."
    )
    warnings.append({"code": "UNIT_CONVERTED", "message": message})
    return replace(image, affine=np.diag([scale, scale, scale, 1.0]) @ image.affine, warnings=tuple(warnings))


def orientation_unknown() -> dict[str, str]:
    message = (
        "The file does not state how the image lies in the patient. Its columns, rows and slices were taken to go to "
        "the left, the back and the head; sides and planes may be wrong."
    )
    return {"code": "ORIENTATION_UNKNOWN", "message": message}


def size_unknown() -> dict[str, str]:
    message = "The file does not state the size of its voxels. Sizes in millimetres are unknown."
    return {"code": "PIXEL_SIZE_UNKNOWN", "message": message}


def _rescaled(image: MedicalImage, fields: Mapping[str, str]) -> MedicalImage:
    slope, offset = (
        _number(fields.get(f"elementtointensityfunction{name}", ""), otherwise)
        for name, otherwise in (("slope", 1.0), ("offset", 0.0))
    )
    if slope == 0 or (slope, offset) == (1, 0):
        return image
    return replace(image, voxels=image.voxels * slope + offset)


def _are_lengths(text: str) -> bool:
    """Whether there are spacings of which none is “nan”, apart from that of the channels."""
    lengths = [_number(word, np.nan) for word in text.split()]
    return sum(np.isfinite(length) and length != 0 for length in lengths) >= 3


def _number(text: str, otherwise: float) -> float:
    try:
        value = float(text)
    except ValueError:
        return otherwise
    return value if np.isfinite(value) else otherwise


def _fields(path: Path, pattern: re.Pattern) -> dict[str, str]:
    """Of a header in lines, keys in small letters; an empty line or the place of the voxels ends it."""
    found = {}
    with path.open("rb") as file:
        while file.tell() < _LONGEST_HEADER:
            text = file.readline(_LONGEST_LINE).decode("utf-8", "replace").strip()
            if not text:
                break
            if match := pattern.fullmatch(text):
                found[match[1].strip().lower()] = match[2].strip()
                if match[1].strip().lower() == "elementdatafile":
                    break
    return found
