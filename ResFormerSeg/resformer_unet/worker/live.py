"""The command ``live``: keeps a model loaded and answers the newest frame, until it is cancelled.

Frames are announced by messages, their pixels lie in a :mod:`.frame_ring`, and so do the labels of the answers. While
a frame is worked on, newer ones replace each other: none waits in a queue. A frame is a slice of an image; the image
stays prepared for other slices of it.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.inference.options import PredictOptions
from resformer_unet.model.schema import violations
from resformer_unet.option_fields import bad_option
from resformer_unet.worker.frame_ring import FrameReader, FrameWriter
from resformer_unet.worker.protocol import FRAME, CommandContext, bad_command

if TYPE_CHECKING:
    from resformer_unet.image.medical_image import MedicalImage
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.preprocessing.prepare import PreparedImage

WAIT_SECONDS = 1.0  # between two looks whether the command has been cancelled


class LiveFrames:
    """Gives an answer to one frame after another, all by one model.

    Args:
        predictor: with the model.
        options: those of a prediction without a choice of slices.
        folder: an existing one for the answers' labels.

    Raises:
        EngineError: BAD_OPTION.
    """

    def __init__(self, predictor: Predictor, options: PredictOptions, folder: Path) -> None:
        if options.slices is not None or options.probability_maps:
            raise bad_option("Live answers have no choice of slices and no probability maps.", "Leave them out.")
        self._predictor, self._options = predictor, options
        self._reader, self._writer = FrameReader(), FrameWriter(folder, "answer")
        self._number = -1  # of the image that is prepared
        self._prepared: tuple[MedicalImage, PreparedImage] | None = None

    def serve(self, context: CommandContext) -> None:
        """Answer frames until the command is cancelled.

        Raises:
            Cancelled: the only end.
        """
        context.send("status", message="Live")
        sent_warnings: list[dict] = []
        try:
            while True:
                context.raise_if_cancelled()
                frame = context.frames.take(WAIT_SECONDS)
                if frame is None:
                    continue
                answer = self._answer_or_error(frame)
                if answer is not None:
                    context.send("answer", number=frame.get("number", -1), dropped=context.frames.dropped, **answer)
                for warning in self._predictor.runner.warnings:
                    if warning not in sent_warnings:
                        sent_warnings.append(warning)
                        context.send("notice", **warning)
        finally:
            self._reader.close()
            self._writer.close()

    def predict(self, frame: dict) -> dict | None:
        """What :meth:`.Predictor.predict` gives for the frame's slice of its image.

        Returns:
            ``labels`` (path of a slot with the frame's number), ``shape`` (layers, and the two axes of the image's
            grid across the slice), ``report`` and ``seconds``; ``None`` if the frame is no longer in its slot.

        Raises:
            EngineError: BAD_COMMAND, and those of a prediction.
        """
        started = time.perf_counter()
        if problems := list(violations(frame, FRAME)):
            raise bad_command("; ".join(problems))
        if not self._prepare(frame):
            return None
        image, prepared = self._prepared
        index = frame["slice"]
        prediction = self._predictor.predict(
            image, options=replace(self._options, slices=(index, index)), prepared=prepared
        )
        labels = np.ascontiguousarray(prediction.layers.take(index, 1 + prepared.layout.axis))
        try:
            path = self._writer.write_now(frame["number"], memoryview(labels)) if labels.size else None
        except OSError as error:
            raise EngineError(
                "OUTPUT_NOT_WRITABLE", f"The answer could not be written: {error.strerror or error}.",
                "Free some space on the disk of the temporary folder.",
            ) from error  # fmt: skip
        seconds = round(time.perf_counter() - started, 4)
        return {"labels": path, "shape": list(labels.shape), "report": prediction.report, "seconds": seconds}

    def _answer_or_error(self, frame: dict) -> dict | None:
        """One frame that cannot be used, such as a black one, does not end the command."""
        try:
            return self.predict(frame)
        except EngineError as error:
            return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}

    def _prepare(self, frame: dict) -> bool:
        """False if another image has taken the place of the frame's."""
        source = frame["image"]
        if self._prepared is not None and source["number"] == self._number:
            return True
        from resformer_unet.image.medical_image import image_from_array

        self._prepared = None
        voxels = self._voxels(source)
        if voxels is None:
            return False
        image = image_from_array(voxels, source["affine_lps"], source["name"], source.get("has_orientation", True))
        self._prepared = image, self._predictor.prepare(image, self._options)
        self._number = source["number"]
        return True

    def _voxels(self, source: dict) -> np.ndarray | None:
        try:
            dtype, shape = np.dtype(source["dtype"]), tuple(source["shape"])
            if dtype.hasobject:
                raise TypeError(f"{dtype} are no numbers")
            size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            content = self._reader.read(source["slot"], source["number"], size)
        except (OSError, TypeError, ValueError) as error:
            raise bad_command(f"the frame's image cannot be read ({error})") from error
        return None if content is None else np.frombuffer(content, dtype).reshape(shape)
