"""Sends frames to the worker: their pixels through files mapped into memory, and a message that says where."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import vtk

from resformer_unet.worker.frame_ring import FrameReader, FrameWriter
from ResFormerSegLib.live.source import LiveSource, OnScreen
from ResFormerSegLib.scene.volume_export import ExportedVolume, isPicture, lpsRows

LARGE = 8 * 1024 * 1024  # bytes; of larger images no copy is kept, and the next waits until the last is answered


@dataclass(frozen=True)
class Frame:
    """A frame that the worker was asked about.

    seen: seconds of the monotonic clock when it came onto the screen. copy: of the image (vtkImageData), None of a
    large one.
    """

    number: int
    place: OnScreen
    exported: ExportedVolume
    seen: float
    copy: vtk.vtkImageData | None


class FrameFeed:
    """folder: for the ring's files."""

    def __init__(self, folder: Path) -> None:
        self._writer, self._reader = FrameWriter(folder, "frame"), FrameReader()
        self._number = self._imageNumber = 0
        self._written: tuple | None = None  # key of the image that lies in the ring
        self._exported: ExportedVolume | None = None
        self._copy: vtk.vtkImageData | None = None

    def prepare(self, source: LiveSource, place: OnScreen, seen: float) -> Generator[None, None, Frame | None]:
        """Writes the image unless it is there already; None if it changed meanwhile. Each step takes milliseconds.

        Raises OSError.
        """
        if place.image != self._written:
            self._written = None
            yield from self._write(source)
            if not source.hasImage() or source.imageKey() != place.image:
                return None
            self._written = place.image
        frame = Frame(self._number, place, self._exported, seen, self._copy)
        self._number += 1
        return frame

    def message(self, frame: Frame) -> dict:
        return {"number": frame.number, "slice": frame.place.index, "image": frame.exported.message}

    def labels(self, path: str, number: int, shape: tuple[int, int, int]):
        """uint8 of the shape; None when a newer answer has taken the place. Raises OSError, ValueError."""
        import numpy as np

        content = self._reader.read(path, number, int(np.prod(shape)))
        return None if content is None else np.frombuffer(content, np.uint8).reshape(shape)

    def forget(self) -> None:
        """For another worker: it is told of the image again, and its answers lie in other files."""
        self._written = None
        self._reader.close()

    def close(self) -> None:
        self._writer.close()
        self._reader.close()
        self._written = self._exported = self._copy = None

    def _write(self, source: LiveSource) -> Generator[None, None, None]:
        from vtk.util.numpy_support import vtk_to_numpy

        node = source.volumeNode
        image, ijkToRas = node.GetImageData(), vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(ijkToRas)
        scalars = image.GetPointData().GetScalars()
        shape, components = tuple(reversed(image.GetDimensions())), scalars.GetNumberOfComponents()
        voxels = vtk_to_numpy(scalars)
        self._imageNumber += 1
        slot = yield from self._writer.write(self._imageNumber, memoryview(voxels).cast("B"))
        message = {
            "number": self._imageNumber, "slot": slot, "dtype": voxels.dtype.str,
            "shape": [*shape, *([components] if components > 1 else [])], "affine_lps": lpsRows(ijkToRas),
            "name": node.GetName() or "image", "has_orientation": not isPicture(node),
        }  # fmt: skip
        self._exported = ExportedVolume(message, shape, ijkToRas, image.GetMTime())
        self._copy = None
        if voxels.nbytes <= LARGE:
            self._copy = vtk.vtkImageData()
            self._copy.DeepCopy(image)
