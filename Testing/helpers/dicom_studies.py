"""DICOM series with all that the standard asks of their kind, as a scanner writes them; with pydicom and highdicom."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
PHOTOGRAPH, ULTRASOUND = "1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.840.10008.5.1.4.1.1.3.1"
SPACING = (0.9, 1.1, 3.0)  # columns, rows, slices
STUDY, SERIES, FRAME_OF_REFERENCE = (f"1.2.826.0.1.3680043.10.999.{part}" for part in (1, 2, 3))


def affine_of(turn: float = 0.0, reversed_slices: bool = False) -> np.ndarray:
    """(column, row, slice, 1) to LPS mm; turned by as many degrees about (1, 2, 3) and slices the other way round."""
    axis = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    angle = np.deg2rad(turn)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    directions = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    if reversed_slices:
        directions[:, 2] *= -1
    affine = np.eye(4)
    affine[:3, :3] = directions * SPACING
    affine[:3, 3] = -10, -20, 5
    return affine


def write_series(
    folder: Path,
    voxels: np.ndarray,
    affine: np.ndarray | None = None,
    order: Sequence[int] | None = None,
    patient: str = "Müller^Jürgen",
    series: str = SERIES,
) -> Path:
    """One MR file a slice (k, j, i) of uint16; file number n holds the slice ``order[n]``."""
    folder.mkdir(parents=True, exist_ok=True)
    affine = affine_of() if affine is None else affine
    for number, k in enumerate(order if order is not None else range(len(voxels)), start=1):
        data = _image(voxels[k], MR, patient, series)
        data.InstanceNumber = number
        data.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
        data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "SE", "NONE", ""
        data.MRAcquisitionType, data.EchoTime, data.RepetitionTime, data.EchoTrainLength = "2D", 10, 500, 1
        _place(data, affine, k)
        _save(data, folder / f"IM{number:03d}.dcm")
    return folder


def write_enhanced(path: Path, voxels: np.ndarray, affine: np.ndarray, order: Sequence[int]) -> Path:
    """One enhanced MR file whose frame n is the slice ``order[n]``."""
    import highdicom

    slices = []
    for number, k in enumerate(order, start=1):
        data = _image(voxels[k], MR, "X^Y", SERIES)
        data.InstanceNumber = number
        data.ImageType = ["ORIGINAL", "PRIMARY", "M", "SE"]
        data.ScanningSequence, data.SequenceVariant, data.ScanOptions = "SE", "NONE", ""
        data.MRAcquisitionType, data.EchoTime, data.RepetitionTime, data.EchoTrainLength = "2D", 10, 500, 1
        _place(data, affine, k)
        slices.append(data)
    enhanced = highdicom.legacy.LegacyConvertedEnhancedMRImage(
        slices, series_instance_uid=generate_uid(), series_number=2, sop_instance_uid=generate_uid(), instance_number=1
    )
    enhanced.save_as(path, enforce_file_format=True)
    return path


def write_photograph(path: Path, pixels: np.ndarray) -> Path:
    """A VL photographic image (rows, columns, 3) of uint8, which lies nowhere in the patient."""
    data = _image(pixels, PHOTOGRAPH, "X^Y", SERIES)
    data.Modality, data.ImageType, data.InstanceNumber = "XC", ["ORIGINAL", "PRIMARY"], 1
    data.LossyImageCompression = "00"
    data.AcquisitionContextSequence = []
    _save(data, path)
    return path


def write_clip(path: Path, voxels: np.ndarray) -> Path:
    """An ultrasound clip (frames, rows, columns) of uint8: several frames that state no positions."""
    data = _image(voxels, ULTRASOUND, "X^Y", SERIES)
    data.Modality, data.ImageType, data.InstanceNumber = "US", ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"], 1
    data.NumberOfFrames, data.FrameTime, data.FrameIncrementPointer = len(voxels), 40, 0x00181063
    _save(data, path)
    return path


def _image(pixels: np.ndarray, sop_class: str, patient: str, series: str) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SpecificCharacterSet = "ISO_IR 100"
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = sop_class
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.StudyInstanceUID, data.SeriesInstanceUID = STUDY, series
    data.StudyDate, data.StudyTime, data.StudyID, data.AccessionNumber = "20260102", "101500", "1", ""
    data.Modality, data.Manufacturer, data.SeriesNumber = "MR", "Test", 1
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = patient, "P-1", "19700203", "O"
    data.ReferringPhysicianName, data.PatientOrientation = "", ""
    colour = pixels.ndim == 3 and pixels.shape[-1] == 3
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        data.PlanarConfiguration = 0
    data.Rows, data.Columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    bits = 8 * pixels.dtype.itemsize
    data.BitsAllocated = data.BitsStored = bits
    data.HighBit, data.PixelRepresentation = bits - 1, 0
    data.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    return data


def _place(data: Dataset, affine: np.ndarray, k: int) -> None:
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    data.FrameOfReferenceUID, data.PositionReferenceIndicator = FRAME_OF_REFERENCE, ""
    data.PixelSpacing = [float(spacing[1]), float(spacing[0])]
    data.SliceThickness = float(spacing[2])
    data.ImageOrientationPatient = [round(float(x), 9) for x in (affine[:3, :2] / spacing[:2]).T.ravel()]
    data.ImagePositionPatient = [round(float(x), 6) for x in (affine @ [0, 0, k, 1])[:3]]


def _save(data: Dataset, path: Path) -> None:
    if len(data.PixelData) % 2:
        data.PixelData += b"\0"
    data.save_as(path, enforce_file_format=True)
