"""DICOM files with the headers that a test wants, written with pydicom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

MR, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
SEGMENTATION, RT_DOSE = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.2"
COLUMN_MM, ROW_MM, SLICE_MM = 0.9, 1.1, 3.0
ORIGIN = (-10.0, -20.0, 5.0)


def stored_values(slices: int = 6, rows: int = 20, columns: int = 24) -> np.ndarray:
    """(slices, rows, columns) uint16 in which every voxel has its own value."""
    return np.arange(slices * rows * columns, dtype=np.uint16).reshape(slices, rows, columns)


def write_slices(
    folder: Path,
    voxels: np.ndarray,
    edit: Callable[[Dataset, int], None] = lambda data, index: None,
    name: str = "IM{:03d}.dcm",
) -> Path:
    """One file a slice (k, j, i) of uint16, axial, 0.9 x 1.1 x 3 mm; ``edit(data, index)`` may change each header."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, pixels in enumerate(voxels):
        data = _dataset(pixels, MR, f"1.2.3.{index + 1}")
        data.PixelSpacing = [ROW_MM, COLUMN_MM]
        data.SliceThickness = SLICE_MM
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.ImagePositionPatient = [*ORIGIN[:2], ORIGIN[2] + SLICE_MM * index]
        data.InstanceNumber = index + 1
        edit(data, index)
        data.save_as(folder / name.format(index + 1), enforce_file_format=True)
    return folder


def write_frames(
    path: Path,
    voxels: np.ndarray,
    slices: Sequence[int],
    *,
    orientations: Sequence[Sequence[float]] | None = None,
    slopes: Sequence[float] | None = None,
    intercepts: Sequence[float] | None = None,
    spacings: Sequence[Sequence[float]] | None = None,
    sop_class: str = ENHANCED_MR,
) -> Path:
    """One enhanced file whose frames are ``voxels[k]`` for each k of ``slices``, at z = 5 + 3 k mm."""
    data = _dataset(voxels[list(slices)], sop_class, "1.2.3.1")
    data.NumberOfFrames = len(slices)
    data.SharedFunctionalGroupsSequence = Items([_item(PixelMeasuresSequence=_item(
        PixelSpacing=[ROW_MM, COLUMN_MM], SliceThickness=SLICE_MM, SpacingBetweenSlices=SLICE_MM))])  # fmt: skip
    frames = []
    for index, k in enumerate(slices):
        frame = _item(
            PlanePositionSequence=_item(ImagePositionPatient=[*ORIGIN[:2], ORIGIN[2] + SLICE_MM * k]),
            PlaneOrientationSequence=_item(
                ImageOrientationPatient=list(orientations[index] if orientations else (1, 0, 0, 0, 1, 0))
            ),
        )
        if slopes:
            intercept = intercepts[index] if intercepts else 0
            rescale = _item(RescaleSlope=str(slopes[index]), RescaleIntercept=str(intercept), RescaleType="US")
            frame.PixelValueTransformationSequence = Items([rescale])
        if spacings:
            frame.PixelMeasuresSequence = Items([_item(PixelSpacing=list(spacings[index]))])
        frames.append(frame)
    data.PerFrameFunctionalGroupsSequence = Items(frames)
    data.InstanceNumber = 1
    data.save_as(path, enforce_file_format=True)
    return path


def write_report(path: Path, sop_class: str = "1.2.840.10008.5.1.4.1.1.88.11") -> Path:
    """A DICOM file without pixels: a structured report, unless another class is given."""
    data = _header(sop_class, "1.2.3.99")
    data.save_as(path, enforce_file_format=True)
    return path


def without_preamble(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[132:])
    return path


def _dataset(pixels: np.ndarray, sop_class: str, uid: str) -> Dataset:
    data = _header(sop_class, uid)
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape[-2:]
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 0
    data.PixelData = pixels.astype("<u2").tobytes()
    return data


def _header(sop_class: str, uid: str) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = sop_class
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    data.Modality, data.PatientID, data.PatientName = "MR", "X", "X"
    return data


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for name, value in elements.items():
        setattr(item, name, Items([value]) if isinstance(value, Dataset) else value)
    return item
