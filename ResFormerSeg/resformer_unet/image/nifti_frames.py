"""Frames of 4D NIfTI files, read one after the other: also a compressed file is never in memory as a whole.

SimpleITK has no way to read a part of a NIfTI file. The geometry is its own, so that a frame lies where the same volume
in a file of its own would lie.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

from resformer_unet.errors import EngineError
from resformer_unet.image.file_kinds import SUFFIXES
from resformer_unet.image.itk_paths import path_to_read
from resformer_unet.image.medical_image import (
    MedicalImage,
    bad_geometry,
    case_name,
    complex_numbers,
    corrupt,
    empty,
    image_from_array,
)
from resformer_unet.image.nifti import (
    frame_times_s,
    geometry_warning,
    nifti_header,
    scale_of,
    stated_affine,
    states_sizes,
    voxel_file,
)
from resformer_unet.image.sequence import Sequence, SequenceInfo, not_a_sequence

_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
_COMPLEX = (32, 1792, 2048)
_GZIP = b"\x1f\x8b"


def open_nifti(path: Path, kind: str | None) -> Sequence:
    """The frames of a 4D NIfTI-1 file (.nii, .nii.gz, .hdr with .img).

    Args:
        kind: of :func:`.kind_of`.

    Raises:
        EngineError: NOT_A_SEQUENCE, UNSUPPORTED_FORMAT, COMPLEX_IMAGE, CORRUPT_IMAGE, BAD_GEOMETRY, IMAGE_EMPTY.
    """
    header = nifti_header(path)
    if header is None:
        raise _unsupported(path, "it has no NIfTI-1 header")
    shape = _shape(header, path)
    code = int(header["datatype"])
    if code in _COMPLEX:
        raise complex_numbers(path.name)
    if code not in _TYPES:
        raise _unsupported(path, "its voxels are colours or of a rare type")
    affine = _affine(path, SUFFIXES.get(kind or "", ()))
    warnings, sized = tuple(geometry_warning(path, affine)), states_sizes(path)
    frames = _Frames(path, header, shape)
    name = case_name(path)

    def read(index: int) -> MedicalImage:
        image = image_from_array(frames.read(index), affine, name)
        return replace(image, warnings=warnings, pixel_size_known=sized)

    return Sequence(SequenceInfo(name, shape[0], frame_times_s(header)), read, frames.close)


class _Frames:
    """The voxels of one frame after the other; going back in a compressed file means starting anew.

    shape: (frames, slices, rows, columns).
    """

    def __init__(self, path: Path, header: np.void, shape: tuple[int, ...]) -> None:
        order = header.dtype["sizeof_hdr"].byteorder
        self._dtype = np.dtype(_TYPES[int(header["datatype"])]).newbyteorder(order if order in "<>" else "=")
        self._shape, self._path = shape[1:], path
        self._bytes = int(np.prod(shape[1:])) * self._dtype.itemsize
        self._offset = int(header["vox_offset"])
        self._scale = scale_of(header)
        voxels = path if header["magic"] == b"n+1" else voxel_file(path)
        if voxels is None:
            raise corrupt(path)
        self._voxels = voxels
        self._file: BinaryIO | None = None

    def read(self, index: int) -> np.ndarray:
        """(slices, rows, columns); 64-bit floating point where the file states a slope or intercept, as of ITK."""
        try:
            self._file = self._file or _opened(self._voxels)
            self._file.seek(self._offset + index * self._bytes)
            data = self._file.read(self._bytes)
        except (EOFError, OSError, zlib.error):
            raise corrupt(self._path) from None
        if len(data) < self._bytes:
            raise corrupt(self._path)
        voxels = np.frombuffer(data, self._dtype).reshape(self._shape)
        voxels = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
        return voxels if self._scale is None else voxels * self._scale[0] + self._scale[1]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _shape(header: np.void, path: Path) -> tuple[int, int, int, int]:
    """(frames, slices, rows, columns)."""
    dimensions = int(header["dim"][0])
    sizes = [int(length) for length in header["dim"][1 : dimensions + 1]] if 1 <= dimensions <= 7 else []
    if not sizes or any(length < 0 for length in sizes):
        raise corrupt(path)
    if 0 in sizes:
        raise empty(path.name)
    if any(length > 1 for length in sizes[4:]):
        raise _unsupported(path, f"it has {dimensions} dimensions")
    sizes = [*sizes, 1, 1, 1, 1][:4]
    if sizes[3] == 1:
        raise not_a_sequence(path.name)
    return tuple(reversed(sizes))


def _affine(path: Path, suffixes: tuple[str, ...]) -> np.ndarray:
    """(4, 4) to LPS millimetres, as of a file with one volume."""
    with path_to_read(path, suffixes) as readable:
        reader = sitk.ImageFileReader()
        reader.SetFileName(readable)
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            if "orthonormal direction cosines" in str(error):
                raise bad_geometry(path.name) from None
            raise corrupt(path) from None
        return stated_affine(path, reader)


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return gzip.open(path) if packed else path.open("rb")


def _unsupported(path: Path, reason: str) -> EngineError:
    return EngineError(
        "UNSUPPORTED_FORMAT",
        f"The frames of “{path.name}” cannot be read: {reason}.",
        "Export the sequence as 4D NIfTI-1, or each time point (frame) as a file of its own.",
    )
