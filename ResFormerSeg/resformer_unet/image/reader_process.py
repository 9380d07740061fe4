"""Reads images in a process of its own, which a broken file may end; see :mod:`.guarded_reading`."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from resformer_unet.errors import EngineError, unexpected
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.plain_nifti import PlainNifti
from resformer_unet.image.reader_messages import DESCRIBE, receive, send, send_blocks
from resformer_unet.image.reading import open_image
from resformer_unet.image.sequence import Sequence, SequenceInfo
from resformer_unet.image.sequence_reading import open_sequence

FIELDS = ("affine", "name", "has_orientation", "warnings", "pixel_size_known", "slice_distance_known", "segments")


def main() -> None:
    """Answer requests until the other end is closed.

    A request is (path, series, folder that relative paths start from, seconds, frame): the frame is ``None`` for an
    image, an index for a frame of a sequence, and ``DESCRIBE`` asks what a sequence is. If reading takes longer than
    the seconds, the process ends, even if the thread is stuck in native code.
    """
    requests, replies, reading = sys.stdin.buffer, _take_stdout(), _Reading()
    while request := receive(requests):
        path, series, folder, seconds, frame = request
        with suppress(OSError):
            os.chdir(folder)
        with open(os.devnull, "w") as nowhere:
            faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
            reply, blocks = reading.reply(path, series, frame)
            send(replies, reply)
            if blocks is not None:
                send_blocks(replies, blocks)
            faulthandler.cancel_dump_traceback_later()
        del blocks


def _take_stdout() -> BinaryIO:
    """The pipe to the other end; what libraries print goes to stderr."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


class _Reading:
    """Keeps the sequence of the last request open: its next frame is then read without starting anew."""

    def __init__(self) -> None:
        self._sequence: Sequence | None = None
        self._opened: tuple | None = None

    def reply(self, path: str, series: str | None, frame: int | str | None) -> tuple[Any, Iterable[memoryview] | None]:
        """The reply, and the bytes of the voxels if it is an image."""
        try:
            image = open_image(path, series=series) if frame is None else self._frame(path, series, frame)
            if isinstance(image, SequenceInfo):
                return image, None
            if isinstance(image, PlainNifti):
                return _described(image.image, image.image.voxels), image.blocks()
            voxels = np.ascontiguousarray(image.voxels)
        except EngineError as error:
            return error, None
        except MemoryError:
            message = f"“{os.path.basename(path)}” does not fit into memory."
            return EngineError("IMAGE_TOO_LARGE", message, "Crop it, or use a computer with more memory."), None
        except Exception as error:
            failure = unexpected(error)
            failure.__cause__ = None  # it may not be fit for pickling
            return failure, None
        return _described(image, voxels), [voxels.reshape(-1).view(np.uint8).data]

    def _frame(self, path: str, series: str | None, frame: int | str) -> MedicalImage | SequenceInfo:
        if self._opened != (path, series, os.getcwd()) or frame == DESCRIBE:
            if self._sequence is not None:
                self._sequence.close()
            self._sequence = self._opened = None
            self._sequence = open_sequence(path, series=series)
            self._opened = (path, series, os.getcwd())
        return self._sequence.info if frame == DESCRIBE else self._sequence.read(frame)


def _described(image: MedicalImage, voxels: np.ndarray) -> dict[str, Any]:
    fields = {name: getattr(image, name) for name in FIELDS}
    return {"shape": voxels.shape, "dtype": voxels.dtype.str, "fields": fields}


if __name__ == "__main__":
    main()
