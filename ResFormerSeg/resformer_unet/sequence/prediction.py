"""A model over the frames of a sequence, one in memory at a time; the files of the result."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resformer_unet.atomic_files import atomic_file, text_bytes
from resformer_unet.batch.case_files import input_state, sha256_of
from resformer_unet.batch.cases import REPORT, BatchCase
from resformer_unet.batch.earlier_result import EarlierResult
from resformer_unet.cardiac.body import BodySize
from resformer_unet.cardiac.cine import evaluate_cine, is_heart_model
from resformer_unet.cardiac.volume_curve import heart_report
from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.image.guarded_reading import open_sequence_guarded
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.sequence import chosen_frames
from resformer_unet.inference.options import PredictOptions, bad_option
from resformer_unet.inference.pipeline import read_ahead
from resformer_unet.inference.prediction import Prediction
from resformer_unet.inference.predictor import Predictor
from resformer_unet.sequence.frame_figures import (
    OF_ONE_FRAME,
    FrameWarnings,
    failed_row,
    frame_row,
    frames_csv,
    sequence_report,
)
from resformer_unet.sequence.label_files import LabelFiles


@dataclass(frozen=True)
class SequenceOptions:
    """What a user may choose for a sequence.

    Attributes:
        frames: as of :func:`.chosen_frames`.
        end_diastole, end_systole: numbers of frames, of a heart; ``None`` finds them.
        body: of a heart's patient.
    """

    frames: str = "all"
    end_diastole: int | None = None
    end_systole: int | None = None
    body: BodySize = BodySize()

    @property
    def of_a_heart(self) -> bool:
        """Whether something was chosen that means nothing but for the cycle of a heart."""
        body = (self.body.height_cm, self.body.weight_kg)
        return any(value is not None for value in (self.end_diastole, self.end_systole, *body))

    def to_dict(self) -> dict:
        return {
            "frames": self.frames, "end_diastole": self.end_diastole, "end_systole": self.end_systole,
            **self.body.to_dict(),
        }  # fmt: skip


def predict_sequence(
    case: BatchCase,
    predictor: Predictor,
    output: Path,
    choice: SequenceOptions,
    *,
    options: PredictOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict:
    """Predict frames of a sequence; write ``<case>.seg.nrrd``, ``<case>.frames.csv`` and ``<case>.json``.

    Segments that may overlap have a file each, ``<case>.frames.<segment>.seg.nrrd``. If anything fails, nothing is
    written, and the earlier result of the case is as it was. A frame that cannot be predicted for itself has a row that
    says so, and an empty segmentation.

    Args:
        progress: called with (case, frames done, frames in all).

    Returns:
        The report as written; for a model of the heart with ``heart``, see :func:`.evaluate_cine`, or ``None`` if the
        cine cannot be evaluated, for which there is a warning.

    Raises:
        EngineError: BAD_OPTION, BAD_FRAMES, FRAMES_DIFFER, OUTPUT_NOT_WRITABLE, DISK_FULL, those of
            :func:`.open_sequence_guarded`, and that of the first frame if none can be predicted.
        Cancelled: when ``cancelled()`` was true.
    """
    options = options or PredictOptions()
    if options.probability_maps:
        raise bad_option("There are no probability maps of sequences.", "Choose a single time point as an image.")
    if choice.of_a_heart and not is_heart_model(predictor.bundle):
        raise bad_option(
            "End-diastole, end-systole, height and weight are of a heart, and the model "
            f"{predictor.bundle.id} segments none.",
            "Leave them out, or choose a model of the heart.",
        )
    started = time.perf_counter()
    state = input_state(case.input)
    sequence = open_sequence_guarded(case.input, series=case.series)
    frames = chosen_frames(choice.frames, sequence.info.count)
    if choice.of_a_heart and len(frames) < 2:
        raise bad_option(
            "End-diastole, end-systole, height and weight are of a heart's cycle, but a single frame was chosen.",
            "Choose more frames, or leave them out.",
        )
    times = sequence.info.times_s and [sequence.info.times_s[index] for index in frames]
    collected = _Frames(predictor, times)
    with EarlierResult(output, case.name, case.is_new) as earlier, ExitStack() as files:
        labels = LabelFiles(output, case.name, predictor.bundle, list(frames), times, files)
        for number, (index, reading) in enumerate(read_ahead(frames, sequence.read)):
            if cancelled and cancelled():
                raise Cancelled
            labels.add(*collected.predict(index, number, reading, options, cancelled))
            del reading
            if progress:
                progress(case.name, number + 1, len(frames))
        first = collected.first_report()
        warnings = collected.warnings.rows(len(frames))
        heart = collected.heart(list(frames), choice, warnings)
        report = {
            **sequence_report(sequence.info, collected.rows, first, warnings, times is not None),
            "heart": heart,
            "case": case.name,
            "input": str(case.input.absolute()),
            "series": case.series,
            "input_state": state,
            "options": {**options.to_dict(), **choice.to_dict()},
        }
        table = files.enter_context(atomic_file(output / f"{case.name}.frames.csv"))
        table.write_bytes(text_bytes(frames_csv(report)))
        written = {**labels.finish(), f"{case.name}.frames.csv": table}
        report["files"] = {name: sha256_of(path) for name, path in written.items()}
        report["timing_s"] = {"total": round(time.perf_counter() - started, 4)}
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with atomic_file(output / f"{case.name}{REPORT}") as temporary:
            temporary.write_bytes(content := text_bytes(text))
            earlier.set_aside(content)
            files.close()  # here they take their names
    return report


class _Frames:
    """The figures of the frames so far; masks and images are let go of."""

    def __init__(self, predictor: Predictor, times: list[float] | None) -> None:
        self.rows: list[dict] = []
        self.warnings = FrameWarnings()
        self._predictor, self._times = predictor, times
        self._first: dict | None = None
        self._error: EngineError | None = None
        self._is_heart = is_heart_model(predictor.bundle)
        self._hearts: list[dict | None] = []

    def predict(
        self,
        index: int,
        number: int,
        reading: Future[MedicalImage],
        options: PredictOptions,
        cancelled: Callable[[], bool] | None,
    ) -> tuple[MedicalImage | None, np.ndarray | None]:
        """Predict one frame; returns the image and its label layers, ``None`` where there is none."""
        time_s, image = self._times and self._times[number], None
        try:
            image = reading.result()
            prediction: Prediction = self._predictor.predict(image, options=options, cancelled=cancelled)
        except EngineError as error:
            if error.code not in OF_ONE_FRAME:
                raise
            self._error = self._error or error
            self.rows.append(failed_row(index, time_s, error))
            self._hearts.append(None)
            return image, None
        report = prediction.report
        self._first = self._first or report
        self.rows.append(frame_row(index, time_s, report))
        self.warnings.add(index, [*image.warnings, *report["warnings"]])
        self._hearts.append(heart_report(report, f"{report['case']}, frame {index}") if self._is_heart else None)
        return image, prediction.layers

    def first_report(self) -> dict:
        if self._first is None:
            raise self._error
        return self._first

    def heart(self, frames: list[int], choice: SequenceOptions, warnings: list[dict]) -> dict | None:
        """The evaluation of a cine; the reason why there is none becomes a warning, unless phases were asked for."""
        if not self._is_heart or len(frames) < 2:
            return None
        try:
            return evaluate_cine(
                self._hearts, self._predictor.bundle, frames=frames, times_s=self._times,
                end_diastole=choice.end_diastole, end_systole=choice.end_systole, body=choice.body,
            )  # fmt: skip
        except EngineError as error:
            if choice.end_diastole is not None or choice.end_systole is not None:
                raise
            warnings.append({"code": error.code, "message": f"The heart was not evaluated: {error.message}"})
            return None
