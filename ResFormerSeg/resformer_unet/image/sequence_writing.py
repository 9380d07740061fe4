"""Segmentations of a sequence as one 4D .seg.nrrd file, written frame by frame.

3D Slicer has no single-file format of its own for a sequence of segmentations (it saves a scene bundle, .seq.mrb). The
file that is written here keeps to both of its conventions at once: that of .seq.nrrd for volume sequences (sizes I, J,
K, frames; kinds domain, domain, domain, list; index values in “axis 3 index values”), and that of .seg.nrrd for names,
colours and terminology. Slicer opens it as a volume sequence with every frame, or as the segmentation of the first one;
ITK opens it as a vector image with one component for each frame. (A segment for each frame and structure in a single
segmentation would be unusable for a cine.)
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from resformer_unet.atomic_files import atomic_file
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.nrrd_header import nrrd_header
from resformer_unet.image.writing import segment_fields

_COMPRESSION = 4  # label maps hardly shrink further at the highest level, which takes five times as long


class LabelFrames:
    """Takes the label map of one frame after the other."""

    def __init__(self, stream: gzip.GzipFile, file: BinaryIO, shape: tuple[int, int, int]) -> None:
        self._stream, self._file, self._shape = stream, file, shape
        self.written = 0

    def add(self, labels: np.ndarray) -> None:
        """labels: uint8 (slices, rows, columns) on the grid of the sequence.

        Raises:
            OSError: the disk is full.
        """
        if labels.shape != self._shape or labels.dtype != np.uint8:
            raise ValueError(f"label map of {labels.shape}, {labels.dtype}; uint8 of {self._shape} was expected")
        self._stream.write(np.ascontiguousarray(labels).data)
        self.written += 1

    def complete(self) -> None:
        """After the last frame: everything is in the file.

        Raises:
            OSError: the disk is full.
        """
        self._stream.close()
        self._file.flush()


@contextmanager
def label_sequence_file(
    path: str | Path,
    image: MedicalImage,
    frames: Sequence[int],
    times_s: Sequence[float] | None,
    segments: Sequence[Mapping],
) -> Iterator[tuple[LabelFrames, Path]]:
    """Write the label maps of a sequence; the file appears when the block ends without an exception.

    The block is given what takes the frames, as many as ``frames`` has, and the temporary file.

    Args:
        path: ends in ``.seg.nrrd``.
        image: any frame; all lie on its grid.
        frames: the numbers of the frames in the input.
        times_s: of these frames in seconds; ``None`` makes their numbers the index of the sequence.
        segments: as in the model descriptor, those that these label maps hold.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    with atomic_file(path) as temporary:
        with temporary.open("wb") as file:
            file.write(_header(image, frames, times_s, segments))
            with gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=file, mtime=0) as stream:
                target = LabelFrames(stream, file, image.shape)
                yield target, temporary
        if target.written != len(frames):
            raise ValueError(f"{target.written} of {len(frames)} frames were written")


def _header(
    image: MedicalImage, frames: Sequence[int], times_s: Sequence[float] | None, segments: Sequence[Mapping]
) -> bytes:
    name, unit = ("time", "s") if times_s is not None else ("frame", "")
    values = [f"{time:.6g}" for time in times_s] if times_s is not None else [str(index) for index in frames]
    fields = {
        "DataNodeClassName": "vtkMRMLLabelMapVolumeNode",
        "axis 3 index type": "numeric",
        "axis 3 index values": " ".join(values),
        **segment_fields(segments, image.shape[::-1], several_layers=False),
    }
    lines = [f'labels: "" "" "" "{name}"', f'units: "" "" "" "{unit}"']
    return nrrd_header(image, fields, behind=("list", len(frames)), lines=lines)
