"""The frames of a multi-frame DICOM file, cut out and decoded one by one.

A frame is cut out with pydicom and decoded as a DICOM file of its own, by the same decoder as any other: GDCM alone
would decode all frames at once, and rescales them by what the first one states, or not at all, as it knows their kind.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.dicom_details import check_supported, highest_looked_up, looked_up
from resformer_unet.image.dicom_headers import Header, gdcm_reader
from resformer_unet.image.dicom_times import cine_times_s, frame_moments
from resformer_unet.image.itk_arrays import array_of
from resformer_unet.image.medical_image import corrupt
from resformer_unet.image.pictures import missing_package

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # of a frame that is decoded by itself
_PIXEL_GROUP = 0x0028
_DEFLATED = "1.2.840.10008.1.2.1.99"


class PixelData:
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
        check_supported(self._path, header.details)
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
        self._table: Any = None
        self._inverted_from: int | None = None
        if header.details.misread:
            self._prepare_stored_values(data)
        self._scale = float(data.get("RescaleSlope") or 1), float(data.get("RescaleIntercept") or 0)

    def read(self, index: int) -> np.ndarray:
        """(1, rows, columns, channels), rescaled by the frame's slope and intercept."""
        with tempfile.TemporaryDirectory(prefix="resformer-unet-") as folder:
            path = Path(folder, "frame.dcm")
            try:
                self._write(path, index)
                pixels = self._meant(array_of(gdcm_reader(str(path)).Execute()))
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
        if self._table is not None:
            return pixels
        slope, intercept = (frames[index].slope, frames[index].intercept) if len(frames) == self.count else self._scale
        return pixels if (slope, intercept) == (1.0, 0.0) else pixels * slope + intercept

    def _prepare_stored_values(self, data: Any) -> None:
        """Have GDCM give the stored values; what they stand for is found here."""
        signed, highest = data.get("PixelRepresentation") == 1, 2 ** int(data.BitsStored) - 1
        if self._header.details.has_table:
            self._table, highest = data, highest_looked_up(data)
            del self._pixels.ModalityLUTSequence
            signed = False
        if self._header.details.colours:
            self._pixels.PhotometricInterpretation = self._header.details.colours
        if self._pixels.PhotometricInterpretation == "MONOCHROME1":
            self._pixels.PhotometricInterpretation = "MONOCHROME2"
        if self._header.details.is_negative:
            self._inverted_from = -1 if signed else highest

    def _meant(self, pixels: np.ndarray) -> np.ndarray:
        """The pixels as GDCM would give them if it knew tables, and negatives with a sign."""
        if self._table is not None:
            pixels = looked_up(pixels, self._table)
        if self._inverted_from is None:
            return pixels
        return (self._inverted_from - pixels.astype(np.int64)).astype(np.int32)

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
