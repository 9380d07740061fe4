"""What DICOM files state and GDCM, behind SimpleITK, passes on wrongly or not at all; read with pydicom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.jpeg_colours import colours_of_first_frame
from resformer_unet.image.pictures import missing_package

_SOP_CLASSES = "1.2.840.10008.5.1.4.1.1."
# CT and PET, also enhanced and legacy converted: their values are Hounsfield units or activities, however shown.
_QUANTITIES = tuple(_SOP_CLASSES + kind for kind in ("2", "2.1", "2.2", "128", "128.1", "130"))
_SIZES_MM = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")  # of rows first
_REGIONS = "SequenceOfUltrasoundRegions"
_TWO_DIMENSIONAL, _CENTIMETRE = 1, 3  # of a region's format and units
_TAGS = (
    "SOPClassUID", "PhotometricInterpretation", "PixelRepresentation", "BitsAllocated", "BitsStored", "HighBit", "Rows",
    "Columns", "SamplesPerPixel", "NumberOfFrames", "ModalityLUTSequence", "PixelAspectRatio",
    "TotalPixelMatrixColumns", "ImageType", *_SIZES_MM, _REGIONS,
)  # fmt: skip
_PIXEL_DATA = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")  # the tag in both byte orders
_ENCAPSULATED, _ENCAPSULATED_HEADER = 0xFFFFFFFF, 12  # length of the element, and bytes before its first item


@dataclass(frozen=True)
class Details:
    """Of a file with pixels.

    Attributes:
        pixel_aspect: height of a pixel by its width; ``None`` where nothing tells it.
        has_table: whether the values are looked up in a table, the Modality LUT.
        is_negative: whether the lowest value is shown as white (MONOCHROME1), and the values measure nothing by
            themselves: such an image is read as it is shown.
        colours: of JPEGs that are others than the header says, as it should call them.
        misread: whether GDCM does not give the stored values, or those that they stand for.
        shifted: whether the bits of a value are not the lowest ones.
        tiled: whether the frames are tiles of one large picture; mosaic: whether a picture shows slices side by side.
        complete: whether pixels that are not compressed are all there.
    """

    pixel_aspect: float | None = None
    has_table: bool = False
    is_negative: bool = False
    colours: str | None = None
    misread: bool = False
    shifted: bool = False
    tiled: bool = False
    mosaic: bool = False
    complete: bool = True


def read_details(path: Path) -> Details:
    """Those of a DICOM file; what its header does not tell is as in most files.

    Raises:
        EngineError: PACKAGE_MISSING.
    """
    try:
        import pydicom
    except ModuleNotFoundError:
        raise missing_package("pydicom", "DICOM files") from None
    try:
        with path.open("rb") as file:
            data = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(_TAGS))
            return _details(data, file)
    except Exception:  # pydicom raises whatever its parsing stumbles over, of a file that GDCM may read
        return Details()


def _details(data: Any, file: BinaryIO) -> Details:
    negative = data.get("PhotometricInterpretation") == "MONOCHROME1"
    quantity = data.get("SOPClassUID") in _QUANTITIES
    table = bool(data.get("ModalityLUTSequence"))
    place, syntax = file.tell(), data.file_meta.get("TransferSyntaxUID") if "file_meta" in vars(data) else None
    complete, colours = _is_complete(data, file), None
    if data.get("SamplesPerPixel") == 3:
        file.seek(place + _ENCAPSULATED_HEADER)
        colours = _others_than_stated(str(data.get("PhotometricInterpretation")), colours_of_first_frame(file, syntax))
    stored, high = data.get("BitsStored"), data.get("HighBit")
    return Details(
        pixel_aspect=_aspect(data),
        has_table=table,
        is_negative=negative and not quantity,
        colours=colours,
        misread=table or colours is not None or (negative and (quantity or data.get("PixelRepresentation") == 1)),
        shifted=stored is not None and high is not None and high + 1 != stored,
        tiled=int(data.get("NumberOfFrames") or 1) > 1 and "TotalPixelMatrixColumns" in data,
        mosaic="MOSAIC" in (data.get("ImageType") or ()),
        complete=complete,
    )


def _others_than_stated(stated: str, found: str | None) -> str | None:
    """Only RGB and the kinds of YBR are told apart."""
    return None if found is None or (found == "RGB") == (stated == "RGB") else found


def _aspect(data: Any) -> float | None:
    """By the first entry that tells it, or else by the regions of an ultrasound image if they agree."""
    for name in (*_SIZES_MM, "PixelAspectRatio"):
        values = [float(value) for value in data.get(name) or ()]
        if len(values) == 2 and min(values) > 0 and np.isfinite(values).all():
            return values[0] / values[1]
    ratios = [
        abs(float(region.PhysicalDeltaY) / float(region.PhysicalDeltaX))
        for region in data.get(_REGIONS) or ()
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL
        and region.get("PhysicalUnitsXDirection") == region.get("PhysicalUnitsYDirection") == _CENTIMETRE
        and region.get("PhysicalDeltaX") and region.get("PhysicalDeltaY")
    ]  # fmt: skip
    return ratios[0] if ratios and np.allclose(ratios, ratios[0], rtol=1e-3) else None


def _is_complete(data: Any, file: BinaryIO) -> bool:
    """``file``: at the element of the pixels. GDCM gives whatever the memory held for those that are not there."""
    start = file.read(12)
    if start[:4] not in _PIXEL_DATA:
        return True  # deflated as a whole, or another element: nothing is known
    order = "little" if start[:4] == _PIXEL_DATA[0] else "big"
    explicit = start[4:6] in (b"OB", b"OW")
    length = int.from_bytes(start[8:12] if explicit else start[4:8], order)
    if length == _ENCAPSULATED:
        return True
    bits = data.Rows * data.Columns * data.get("SamplesPerPixel", 1) * data.BitsAllocated
    bits *= int(data.get("NumberOfFrames") or 1)
    if data.get("PhotometricInterpretation") == "YBR_FULL_422":
        bits = bits * 2 // 3
    return length >= -(-bits // 8)


def highest_looked_up(data: Any) -> int:
    """The greatest value that the table of a header may hold."""
    return 2 ** int(data.ModalityLUTSequence[0].LUTDescriptor[2]) - 1


def looked_up(stored: np.ndarray, data: Any) -> np.ndarray:
    """The values that stored ones stand for; beyond the ends of the table they are its first and its last one.

    Args:
        data: pydicom's data set of the file, as read.
    """
    try:
        from pydicom.pixels import apply_modality_lut
    except ImportError:  # before pydicom 3
        from pydicom.pixel_data_handlers.util import apply_modality_lut
    return apply_modality_lut(stored, data)


def check_supported(path: Path, details: Details) -> None:
    """Raises ``EngineError``: UNSUPPORTED_FORMAT."""
    if details.shifted:
        raise EngineError(
            "UNSUPPORTED_FORMAT",
            f"The values in “{path.name}” lie in unusual bits of their bytes (its high bit is not its number of bits "
            "less one).",
            "Export it again, or convert it to NIfTI or NRRD.",
        )
    if details.tiled:
        raise EngineError(
            "UNSUPPORTED_FORMAT",
            f"“{path.name}” is one large picture in tiles, as of a slide scanner; its frames are no slices.",
            "Export the part that is wanted as a picture, such as PNG or TIFF.",
        )
    if details.mosaic:
        raise EngineError(
            "UNSUPPORTED_FORMAT",
            f"“{path.name}” is a mosaic: all slices of a volume side by side in one picture.",
            "Convert it to NIfTI, with dcm2niix for instance.",
        )
