"""A model over many files: one bad input does not stop the others, and files appear whole or not at all."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

from resformer_unet.batch.case_files import ReadCase, kept_report, read_case, write_case
from resformer_unet.batch.cases import BatchCase, Outcome, plan_cases
from resformer_unet.batch.leftovers import remove_leftovers_of_killed
from resformer_unet.errors import Cancelled, EngineError, unexpected
from resformer_unet.image.guarded_reading import start_reader
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.pipeline import read_ahead
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import find_model


def predict_files(
    inputs: Sequence[Path],
    model: str,
    output: Path,
    *,
    device: str = "auto",
    options: PredictOptions | None = None,
    series: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    resume: bool = False,
) -> Iterator[Outcome]:
    """Predict each input and write ``<case>.seg.nrrd`` and ``<case>.json`` into ``output``.

    With the option ``probability_maps``, ``<case>.probability.<segment>.nrrd`` too, uint8 in per cent. Names are those
    of :func:`.plan_cases`. An earlier result of the same input is replaced; no other file is: not an input, nor
    a result of another input of that name. The next image is read while the network works; two are in memory at most.

    Args:
        progress: called with (case, slices done, slices in all).
        resume: see :func:`run_cases`.

    Raises:
        EngineError: before the first input, if the model, the device or the output folder cannot be used.
    """
    bundle = find_model(model)
    start_reader()
    predictor = Predictor(bundle, device)

    def predict_cases(cases: Sequence[BatchCase]) -> Iterator[Outcome]:
        for case, reading in read_ahead(cases, read_case):
            outcome = predict_case(case, reading, predictor, output, options, progress)
            del reading  # and with it the image, before the next but one is read
            yield outcome

    yield from run_cases(predict_cases, inputs, bundle, output, options, series, resume)


def run_cases(
    predict_cases: Callable[[Sequence[BatchCase]], Iterator[Outcome]],
    inputs: Sequence[Path],
    bundle: ModelBundle,
    output: Path,
    options: PredictOptions | None,
    series: str | None,
    resume: bool,
) -> Iterator[Outcome]:
    """Name the cases of a run and have those predicted that have no result yet.

    Args:
        predict_cases: called once with the cases to predict; not called if there is none.
        resume: results that :func:`.kept_report` accepts are kept. Their outcomes come first. No other process may
            write to ``output``, unless it is a cluster's job: the temporary files of a killed one are removed.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        if resume:
            remove_leftovers_of_killed(output)
        cases = plan_cases(inputs, output, series)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE", f"The folder {output} cannot be created: {error.strerror}.", "Choose another folder."
        ) from error
    waiting = []
    for case in cases:
        report = kept_report(case, output, bundle, options) if resume else None
        if report:
            yield Outcome(case.input, report, case.name, report["timing_s"]["total"], kept=True)
        else:
            waiting.append(case)
    if waiting:
        yield from predict_cases(waiting)


def predict_case(
    case: BatchCase,
    reading: Future[ReadCase],
    predictor: Predictor,
    output: Path,
    options: PredictOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Outcome:
    """Predict one case and write its files; a failure is its outcome.

    Raises:
        Cancelled: when ``cancelled()`` returned true; nothing was written.
    """
    started = time.perf_counter()
    try:
        result = _predict(case, reading.result(), predictor, output, options, progress, cancelled)
        return Outcome(case.input, result, case.name, result["timing_s"]["total"])
    except Cancelled:
        raise
    except Exception as error:  # a failure of this input must not stop the others
        del reading  # the error keeps the local variables of the functions that it passed through
        _release_images(error)
        failure = error if isinstance(error, EngineError) else unexpected(error)
        return Outcome(case.input, failure, case.name, round(time.perf_counter() - started, 4))


def _predict(
    case: BatchCase,
    read: ReadCase,
    predictor: Predictor,
    output: Path,
    options: PredictOptions | None,
    progress: Callable[[str, int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> dict:
    prediction = predictor.predict(
        read.image,
        options=options,
        progress=None if progress is None else lambda done, total: progress(case.name, done, total),
        cancelled=cancelled,
    )
    if cancelled and cancelled():
        raise Cancelled
    return write_case(case, read, prediction, output, predictor.bundle, options)


def _release_images(error: BaseException | None) -> None:
    """Clear the local variables of the functions that failed; the traceback itself stays."""
    while error:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
