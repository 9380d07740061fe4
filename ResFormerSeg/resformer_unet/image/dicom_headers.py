"""What the headers of DICOM files state, read with GDCM or, for frames, with pydicom."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from resformer_unet.errors import EngineError
from resformer_unet.image.dicom_details import Details, read_details
from resformer_unet.image.itk_paths import path_to_read
from resformer_unet.image.pictures import missing_package
from resformer_unet.image.slice_geometry import Plane

sitk.ProcessObject.GlobalWarningDisplayOff()  # this package reports in its own messages what matters of ITK's

_SOP_CLASS, _SERIES, _DESCRIPTION, _NUMBER = "0008|0016", "0020|000e", "0008|103e", "0020|0013"
_POSITION, _ORIENTATION, _PIXEL_SPACING = "0020|0032", "0020|0037", "0028|0030"
_THICKNESS, _SLICE_DISTANCE = "0018|0050", "0018|0088"
_FRAME_COUNT, _PATIENT = "0028|0008", "0010|0020"

# Enhanced CT, MR and PET, also legacy converted: GDCM rescales all their frames by what the first one states.
_RESCALED = tuple(f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("2.1", "2.2", "4.1", "4.4", "130", "128.1"))

# Photoacoustic, enhanced X-ray fluoroscopy, wide field and en face ophthalmic, dermoscopic and confocal microscopic
# images: GDCM refuses them for their name alone.
_UNKNOWN_TO_GDCM = tuple(
    f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("6.3", "12.2.1", "77.1.5.5", "77.1.5.7", "77.1.7", "77.1.8")
)

# What has pixels and can be read as an image, but is made from images: masks, maps of quantities, doses.
_DERIVED = {
    f"1.2.840.10008.5.1.4.1.1.{kind}": name
    for kind, name in {
        "30": "Parametric Map",
        "66.4": "Segmentation",
        "66.5": "Surface Segmentation",
        "66.7": "Label Map Segmentation",
        "66.8": "Height Map Segmentation",
        "77.1.5.8": "Ophthalmic Optical Coherence Tomography B-scan Volume Analysis",
        "81.1": "Ophthalmic Thickness Map",
        "82.1": "Corneal Topography Map",
        "481.2": "RT Dose",
    }.items()
}
_SECONDARY_CAPTURE, _MULTI_FRAME_CAPTURE = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.4"

_UNIT = 0.02  # by which the squared length of a direction may differ from 1, and two of them from a right angle


@dataclass(frozen=True)
class Frame:
    """A frame with functional groups: value = stored * ``slope`` + ``intercept``; ``thickness`` in mm, if stated."""

    plane: Plane
    slope: float = 1.0
    intercept: float = 0.0
    thickness: float | None = None


@dataclass(frozen=True)
class Header:
    """Of a DICOM file with pixels.

    Attributes:
        number: instance number.
        size: (columns, rows, frames).
        kind: pixel type and number of components, as SimpleITK names them.
        plane: of a file with one frame.
        spacing: of columns and rows as GDCM has it, else 1 and the height of a pixel by its width; for pictures, only
            its ratio counts.
        thickness, distance: of slices in mm, as stated.
        frames: of a file that states the geometry of each in functional groups, in the order of its pixels; such are
            enhanced CT, MR and PET, tomosynthesis, optical coherence tomography and others. Empty for other files.
        first_rescales: whether GDCM rescales all frames by what the first one states; else it leaves them as stored.
        relabelled: whether GDCM reads the pixels under the name of another kind of image only.
        details: what GDCM passes on wrongly or not at all.
        patient: ID of the patient, empty if it is not stated.
    """

    path: Path
    series: str
    description: str
    number: int | None
    size: tuple[int, ...]
    kind: tuple[int, int]
    plane: Plane
    spacing: tuple[float, float]
    thickness: float | None
    distance: float | None
    frames: tuple[Frame, ...] = ()
    first_rescales: bool = False
    relabelled: bool = False
    details: Details = Details()
    patient: str = ""


def gdcm_reader(path: str) -> sitk.ImageFileReader:
    """A reader that takes files without preamble too. For a path of :func:`.path_to_read`."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(path)
    return reader


def read_header(path: Path) -> Header | None:
    """The header of a file; ``None`` if it is no DICOM file with an image, see :func:`why_no_pixels`.

    Raises:
        EngineError: PACKAGE_MISSING, for a file of several frames.
    """
    with path_to_read(path) as readable:
        reader = gdcm_reader(readable)
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            return _relabelled(path)
    if _text(reader, _SOP_CLASS) in _DERIVED:
        return None
    number, thickness, distance = (_numbers(reader, tag, 1) for tag in (_NUMBER, _THICKNESS, _SLICE_DISTANCE))
    frames = read_frames(path) if reader.HasMetaDataKey(_FRAME_COUNT) else ()
    details, spacing = read_details(path), reader.GetSpacing()[:2]
    if spacing == (1.0, 1.0) and details.pixel_aspect is not None:
        spacing = 1.0, details.pixel_aspect
    return Header(
        path=path,
        series=_text(reader, _SERIES),
        description=_text(reader, _DESCRIPTION),
        number=int(number[0]) if number is not None else None,
        size=(*reader.GetSize(), 1)[:3],
        kind=(reader.GetPixelIDValue(), reader.GetNumberOfComponents()),
        plane=frames[0].plane if len(frames) == 1 else _plane(reader),
        spacing=spacing,
        thickness=frames[0].thickness if len(frames) == 1 else _positive(thickness),
        distance=_positive(distance),
        frames=frames,
        first_rescales=_text(reader, _SOP_CLASS) in _RESCALED,
        details=details,
        patient=_text(reader, _PATIENT),
    )


def _relabelled(path: Path) -> Header | None:
    """The header of a kind of image that GDCM does not know, read as that of a secondary capture; else ``None``."""
    try:
        import pydicom

        with path.open("rb") as file:
            data = pydicom.dcmread(file, force=True)
        if data.get("SOPClassUID") not in _UNKNOWN_TO_GDCM or "PixelData" not in data:
            return None
        data.SOPClassUID = _MULTI_FRAME_CAPTURE if int(data.get("NumberOfFrames") or 1) > 1 else _SECONDARY_CAPTURE
        data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
        with tempfile.TemporaryDirectory(prefix="resformer-unet-") as folder:
            copy = Path(folder, "relabelled.dcm")
            data.save_as(copy)
            header = read_header(copy)
    except Exception:  # pydicom is missing, or raises whatever its parsing stumbles over
        return None
    return header and replace(header, path=path, relabelled=True)


def read_frames(path: Path) -> tuple[Frame, ...]:
    """The frames of a file in the order of its pixels; none if it has no functional groups.

    Raises:
        EngineError: PACKAGE_MISSING.
    """
    try:
        import pydicom
    except ModuleNotFoundError:
        raise missing_package("pydicom", "DICOM files of several frames") from None
    try:
        with path.open("rb") as file:
            data = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        shared = next(iter(data.get("SharedFunctionalGroupsSequence") or ()), None)
        return tuple(_frame(groups, shared) for groups in data.get("PerFrameFunctionalGroupsSequence") or ())
    except Exception:  # pydicom raises whatever its parsing stumbles over; without frames the file is not placed
        return ()


def check_frames(header: Header, count: int) -> None:
    """Raises ``EngineError`` CORRUPT_IMAGE where a file with functional groups does not have one for each frame."""
    if header.frames and len(header.frames) != count:
        raise EngineError(
            "CORRUPT_IMAGE",
            f"“{header.path.name}” has {count} frames, but states the places of {len(header.frames)}.",
            "Copy or export it again.",
        )


def _frame(groups: Any, shared: Any) -> Frame:
    """Of the frame's own functional groups, and of those that it shares."""

    def item(name: str, value: str) -> Any:
        for place in (groups, shared):
            sequence = place.get(name) if place is not None else None
            if sequence and sequence[0].get(value) is not None:
                return sequence[0].get(value)
        return None

    position = item("PlanePositionSequence", "ImagePositionPatient")
    texts = [str(getattr(value, "original_string", value)) for value in position or ()]
    transformation = "PixelValueTransformationSequence"
    thickness = item("PixelMeasuresSequence", "SliceThickness")
    slope, intercept = item(transformation, "RescaleSlope"), item(transformation, "RescaleIntercept")
    return Frame(
        _plane_of(
            texts,
            [str(value) for value in item("PlaneOrientationSequence", "ImageOrientationPatient") or ()],
            [str(value) for value in item("PixelMeasuresSequence", "PixelSpacing") or ()],
        ),
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
        float(thickness) if thickness else None,
    )


def _plane(reader: sitk.ImageFileReader) -> Plane:
    return _plane_of(*(_text(reader, tag).split("\\") for tag in (_POSITION, _ORIENTATION, _PIXEL_SPACING)))


def _plane_of(position: list[str], orientation: list[str], spacing: list[str]) -> Plane:
    """Of decimal strings as the file has them."""
    place, cosines, pixel = _finite(position, 3), _finite(orientation, 6), _finite(spacing, 2)
    directions = None if cosines is None else cosines.reshape(2, 3)
    if directions is not None and np.abs(directions @ directions.T - np.eye(2)).max() > _UNIT:
        directions = None
    return Plane(
        position=place,
        directions=directions,
        pixel_mm=None if pixel is None or pixel.min() <= 0 else pixel[::-1],  # of rows first in DICOM
        rounding=0.0 if place is None else _rounding(position),
    )


def _rounding(texts: list[str]) -> float:
    """The unit of the last digit that any of these decimal numbers has."""
    if any("e" in text.lower() for text in texts):
        return 0.0
    return 10.0 ** -max(len(text.strip().partition(".")[2]) for text in texts)


def _text(reader: sitk.ImageFileReader, tag: str) -> str:
    if not reader.HasMetaDataKey(tag):
        return ""
    # Descriptions may be in any character set; bytes that are not UTF-8 must not break a message later.
    return reader.GetMetaData(tag).encode("utf-8", "replace").decode().strip(" \0")


def _numbers(reader: sitk.ImageFileReader, tag: str, count: int) -> np.ndarray | None:
    return _finite(_text(reader, tag).split("\\"), count)


def _finite(texts: list[str], count: int) -> np.ndarray | None:
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return values if values.shape == (count,) and np.isfinite(values).all() else None


def _positive(values: np.ndarray | None) -> float | None:
    return float(values[0]) if values is not None and values[0] > 0 else None


def why_no_pixels(path: Path) -> EngineError | None:
    """The error for a DICOM file that holds no image, such as a report, a segmentation or a dose; else ``None``."""
    try:
        import pydicom

        with path.open("rb") as file:
            data = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=["SOPClassUID", "Rows"])
        uid = data.get("SOPClassUID") or data.file_meta.get("MediaStorageSOPClassUID")
        kind = _DERIVED.get(uid) or (uid.name if uid else "")
    except Exception:  # not installed, or not DICOM
        return None
    without = uid in _DERIVED or ("Rows" not in data and "Image Storage" not in kind)
    if not kind or kind == uid or not without:
        return None
    return EngineError(
        "DICOM_WITHOUT_IMAGE",
        f"“{path.name}” is a DICOM file without an image ({kind.removesuffix(' Storage')}).",
        "Give the images that it belongs to.",
    )
