"""Frames of DICOM cines: multi-frame files and series of slices at several times, read one time point after the other.

A frame of a multi-frame file is cut out with pydicom and decoded as a DICOM file of its own, by the same decoder as any
other: GDCM alone would decode all frames at once.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.dicom import image_of_slices, read_slices, series_headers
from resformer_unet.image.dicom_headers import Header, gdcm_reader, read_header, why_no_pixels
from resformer_unet.image.dicom_times import cine_times_s, frame_moments, moment_of_file, volumes_over_time
from resformer_unet.image.itk_arrays import array_of
from resformer_unet.image.medical_image import MedicalImage, case_name, corrupt
from resformer_unet.image.pictures import missing_package
from resformer_unet.image.sequence import Sequence, SequenceInfo, not_a_sequence
from resformer_unet.image.slice_geometry import check_pixel_sizes, sort_planes

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # of a frame that is decoded by itself
_PIXEL_GROUP = 0x0028
_DEFLATED = "1.2.840.10008.1.2.1.99"


def open_file(path: Path) -> Sequence:
    """The frames of a multi-frame file: those of an ultrasound cine one by one; of an enhanced file with positions and
    times, a volume for each time.

    Raises:
        EngineError: NOT_A_SEQUENCE, FRAMES_MISSING, PACKAGE_MISSING, UNSUPPORTED_FORMAT, MIXED_SERIES, CORRUPT_IMAGE,
            DICOM_WITHOUT_IMAGE.
    """
    header = read_header(path)
    if header is None:
        raise why_no_pixels(path) or corrupt(path)
    return _open(header, case_name(path), [])


def open_series(folder: Path, series: str | None = None) -> Sequence:
    """The time points of a series of slices, or the frames of its only file.

    Raises:
        EngineError: those of :func:`open_file` and :func:`.read_series`.
    """
    headers, warnings = series_headers(folder, series)
    name, of = folder.resolve().name, f"the series in “{folder.name}”"
    if len(headers) == 1:
        return _open(headers[0], name, warnings)
    if any(header.size[2] > 1 for header in headers) or not all(header.plane.is_placed for header in headers):
        raise EngineError(
            "UNSUPPORTED_FORMAT",
            f"The files of {of} are several sequences, or do not state the positions of their slices.",
            "Give one multi-frame file, or a 4D NIfTI file.",
        )
    volumes, times = volumes_over_time(
        [header.plane for header in headers], [moment_of_file(header) for header in headers], of
    )
    if len(volumes) == 1:
        raise not_a_sequence(folder.name)

    def read(index: int) -> MedicalImage:
        return read_slices([headers[number] for number in volumes[index]], of, name, list(warnings))

    return Sequence(SequenceInfo(name, len(volumes), times), read)


def _open(header: Header, name: str, warnings: list[dict[str, str]]) -> Sequence:
    file = _PixelData(header)
    planes = [frame.plane for frame in header.frames]
    of = f"“{header.path.name}”"
    if file.count == 1:
        raise not_a_sequence(header.path.name)
    if len(planes) == file.count and all(plane.is_placed for plane in planes):
        check_pixel_sizes(planes, of)
        volumes, times = volumes_over_time(planes, file.moments, of)
        if len(volumes) == 1:
            raise not_a_sequence(header.path.name)
    else:
        volumes, times, planes = [[index] for index in range(file.count)], file.times_s, []

    def read(index: int) -> MedicalImage:
        members, found, first, step = volumes[index], list(warnings), header, None
        if planes:
            order, step = sort_planes([planes[number] for number in members], of, found)
            members = [members[number] for number in order]
            frame = header.frames[members[0]]
            first = replace(header, plane=frame.plane, thickness=frame.thickness or header.thickness)
        pixels = np.concatenate([file.read(number) for number in members])
        return image_of_slices(first, pixels, step, name, found)

    return Sequence(SequenceInfo(name, len(volumes), times), read)


class _PixelData:
    """The frames of one file, found without reading them.

    Attributes:
        count: of the frames.
        times_s: as :func:`.cine_times_s`; moments: as :func:`.frame_moments`, an entry for each frame.
    """

    def __init__(self, header: Header) -> None:
        try:
            import pydicom
        except ModuleNotFoundError:
            raise missing_package("pydicom", "sequences in DICOM files") from None
        self._header, self._path = header, header.path
        try:
            with self._path.open("rb") as file:
                data = pydicom.dcmread(file, stop_before_pixels=True, force=True)
                self._start = file.tell()
        except Exception:  # pydicom raises whatever its parsing stumbles over
            raise corrupt(self._path) from None
        self._syntax = data.file_meta.get("TransferSyntaxUID") if "file_meta" in vars(data) else None
        self._syntax = self._syntax or pydicom.uid.ImplicitVRLittleEndian
        if self._syntax == _DEFLATED:
            raise EngineError(
                "UNSUPPORTED_FORMAT", f"“{self._path.name}” is deflated as a whole.", "Export it uncompressed."
            )
        self.count = int(data.get("NumberOfFrames") or 1)
        self.times_s = cine_times_s(data, self.count)
        self.moments = frame_moments(data) or [(np.nan, np.nan, float(index)) for index in range(self.count)]
        self._pixels = data.group_dataset(_PIXEL_GROUP)
        for name in ("NumberOfFrames", "FrameIncrementPointer", "RescaleSlope", "RescaleIntercept", "RescaleType"):
            if name in self._pixels:
                delattr(self._pixels, name)  # of a single frame there is no first; values are rescaled here
        self._scale = float(data.get("RescaleSlope") or 1), float(data.get("RescaleIntercept") or 0)

    def read(self, index: int) -> np.ndarray:
        """(1, rows, columns, channels), rescaled by the frame's slope and intercept."""
        with tempfile.TemporaryDirectory(prefix="resformer-unet-") as folder:
            path = Path(folder, "frame.dcm")
            try:
                self._write(path, index)
                pixels = array_of(gdcm_reader(str(path)).Execute())
            except EngineError:
                raise
            except Exception:
                raise EngineError(
                    "CORRUPT_IMAGE",
                    f"Frame {index} of “{self._path.name}” cannot be read: the file is damaged or incomplete, or its "
                    "compression is not supported.",
                    "Copy or export it again, without compression.",
                ) from None
        frames = self._header.frames
        slope, intercept = (frames[index].slope, frames[index].intercept) if len(frames) == self.count else self._scale
        return pixels if (slope, intercept) == (1.0, 0.0) else pixels * slope + intercept

    def _write(self, path: Path, index: int) -> None:
        """The frame as a DICOM file of its own."""
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.encaps import encapsulate

        data = Dataset()
        data.update(self._pixels)
        data.SOPClassUID, data.SOPInstanceUID = _SECONDARY_CAPTURE, "1.2.3"
        data.file_meta = FileMetaDataset()
        data.file_meta.TransferSyntaxUID = self._syntax
        data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = _SECONDARY_CAPTURE, "1.2.3"
        content = self._content(index)
        data.PixelData = encapsulate([content]) if self._syntax.is_compressed else content + b"\0" * (len(content) % 2)
        data["PixelData"].VR = "OB" if self._syntax.is_compressed or data.BitsAllocated <= 8 else "OW"
        data["PixelData"].is_undefined_length = self._syntax.is_compressed
        data.save_as(path, enforce_file_format=True)

    def _content(self, index: int) -> bytes:
        """The bytes of a frame as they are stored."""
        from pydicom.encaps import get_frame

        explicit = not self._syntax.is_implicit_VR
        with self._path.open("rb") as file:
            file.seek(self._start + (12 if explicit else 8))  # after tag, representation and length
            if self._syntax.is_compressed:
                return get_frame(file, index, number_of_frames=self.count)
            data = self._pixels
            bits = data.Rows * data.Columns * data.get("SamplesPerPixel", 1) * data.BitsAllocated
            if data.get("PhotometricInterpretation") == "YBR_FULL_422":
                bits = bits * 2 // 3
            if bits % 8:
                raise EngineError(
                    "UNSUPPORTED_FORMAT", f"The frames of “{self._path.name}” share bytes.", "Export it with 8 bits."
                )
            file.seek(index * bits // 8, 1)
            content = file.read(bits // 8)
            if len(content) < bits // 8:
                raise corrupt(self._path)
            return content
