"""The segmentation files of a sequence, opened with its first image and filled frame by frame."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from resformer_unet.atomic_files import disk_full
from resformer_unet.batch.cases import SEGMENTATION
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.sequence_writing import LabelFrames, label_sequence_file
from resformer_unet.model.bundle import ModelBundle

_SAME_GRID_MM = 1e-3


class LabelFiles:
    """One file for segments that exclude each other, else one for each segment; none for a model without segments.

    Args:
        files: what keeps the files open; they appear when it is closed without an exception.
    """

    def __init__(
        self,
        output: Path,
        case: str,
        bundle: ModelBundle,
        frames: list[int],
        times: list[float] | None,
        files: ExitStack,
    ) -> None:
        self._frames, self._times, self._stack = frames, times, files
        self._layers: list[tuple[str, list]] = []  # names of files and their segments
        self._output = output
        if bundle.segments and (bundle.descriptor["segmentation"]["exclusive"] or len(bundle.segments) == 1):
            self._layers = [(f"{case}{SEGMENTATION}", list(bundle.segments))]
        else:
            for row in bundle.segments:
                safe = re.sub(r"[^\w-]+", "_", row["id"])
                self._layers.append((f"{case}.frames.{safe}{SEGMENTATION}", [row]))
        self._open: list[tuple[LabelFrames, Path]] = []
        self._image: MedicalImage | None = None
        self._skipped = 0  # frames before the first image

    def add(self, image: MedicalImage | None, layers: np.ndarray | None) -> None:
        """Write a frame: uint8 (layers, slices, rows, columns), ``None`` for an empty one.

        Raises:
            EngineError: FRAMES_DIFFER, OUTPUT_NOT_WRITABLE, DISK_FULL.
        """
        if image is None and self._image is None:
            self._skipped += 1
            return
        if self._image is None:
            self._begin(image)
        elif image is not None and not _same_grid(image, self._image):
            raise EngineError(
                "FRAMES_DIFFER",
                f"The frames of “{image.name}” differ in size or position; they cannot be one segmentation over time.",
                "Give the frames as single images.",
            )
        for number, (target, path) in enumerate(self._open):
            try:
                target.add(np.zeros(self._image.shape, np.uint8) if layers is None else layers[number])
            except OSError:
                raise disk_full(path) from None

    def finish(self) -> dict[str, Path]:
        """Complete the files; returns their temporary paths by their names.

        Raises:
            EngineError: DISK_FULL.
        """
        for target, path in self._open:
            try:
                target.complete()
            except OSError:
                raise disk_full(path) from None
        return {name: path for (name, _), (_, path) in zip(self._layers, self._open, strict=True)}

    def _begin(self, image: MedicalImage) -> None:
        self._image = image
        for name, segments in self._layers:
            block = label_sequence_file(self._output / name, image, self._frames, self._times, segments)
            self._open.append(self._stack.enter_context(block))
        for _ in range(self._skipped):
            self.add(None, None)


def _same_grid(first: MedicalImage, second: MedicalImage) -> bool:
    return first.shape == second.shape and np.allclose(first.affine, second.affine, rtol=0, atol=_SAME_GRID_MM)
