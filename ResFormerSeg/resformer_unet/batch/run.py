"""A model over many files: one bad input does not stop the others, and files appear whole or not at all."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

from resformer_unet.atomic_files import remove_leftovers
from resformer_unet.batch.case_files import ReadCase, kept_report, read_case, write_case
from resformer_unet.batch.cases import Case, Outcome, plan_cases
from resformer_unet.errors import Cancelled, EngineError, unexpected
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.pipeline import read_ahead
from resformer_unet.inference.predictor import Predictor
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
    note: Callable[[str], None] | None = None,
    resume: bool = False,
    cluster: str | None = None,
) -> Iterator[Outcome]:
    """Predict each input and write ``<case>.seg.nrrd`` and ``<case>.json`` into ``output``.

    With the option ``probability_maps``, ``<case>.probability.<segment>.nrrd`` too, uint8 in per cent. Names are those
    of :func:`.plan_cases`. An earlier result of the same input is replaced; no other file is: not an input, nor
    a result of another input of that name. The next image is read while the network works; two are in memory at most.

    Args:
        progress: called with (case, slices done, slices in all); on a cluster with ("cases", done, in all).
        note: called with what the user should know while a cluster is at work.
        resume: results that :func:`.kept_report` finds in order are not made again. Their outcomes come
            first. No other process may write to ``output``: what a killed one left behind is removed.
        cluster: address of a Dask scheduler, whose workers do the work; outcomes come as they are done.

    Raises:
        EngineError: before the first input, if the model, the device or the output folder cannot be used; those of
            :func:`.predict_on_cluster`.
    """
    bundle = find_model(model)
    predictor = None if cluster else Predictor(bundle, device)
    try:
        output.mkdir(parents=True, exist_ok=True)
        if resume:
            remove_leftovers(output)
        cases = plan_cases(inputs, output, series)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE", f"The folder {output} cannot be made: {error.strerror}.", "Choose another folder."
        ) from error
    waiting = []
    for case in cases:
        report = kept_report(case, output, bundle, options) if resume else None
        if report:
            yield Outcome(case.input, report, case.name, report["timing_s"]["total"], kept=True)
        else:
            waiting.append(case)
    if predictor is None and waiting:
        from resformer_unet.batch.cluster.client import predict_on_cluster

        yield from predict_on_cluster(cluster, waiting, bundle, output, device, options, progress, note)
        return
    for case, reading in read_ahead(waiting, read_case):
        outcome = attempt(case, reading, predictor, output, options, progress)
        del reading  # and with it the image, before the next but one is read
        yield outcome


def attempt(
    case: Case,
    reading: Future[ReadCase],
    predictor: Predictor,
    output: Path,
    options: PredictOptions | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Outcome:
    """Predict one case and write its files; whatever is wrong with it is the outcome.

    Raises:
        Cancelled: when ``cancelled()`` said so; nothing was written.
    """
    started = time.perf_counter()
    try:
        result = _predict(case, reading.result(), predictor, output, options, progress, cancelled)
        return Outcome(case.input, result, case.name, result["timing_s"]["total"])
    except Cancelled:
        raise
    except Exception as error:  # whatever is wrong with this input, the others are none the worse for it
        del reading  # the error keeps what the functions held that it went through
        _let_go_of_images(error)
        failure = error if isinstance(error, EngineError) else unexpected(error)
        return Outcome(case.input, failure, case.name, round(time.perf_counter() - started, 4))


def _predict(
    case: Case,
    read: ReadCase,
    predictor: Predictor,
    output: Path,
    options: PredictOptions | None,
    progress: Callable[[str, int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> dict:
    name = read.image.name
    prediction = predictor.predict(
        read.image,
        options=options,
        progress=None if progress is None else lambda done, total: progress(name, done, total),
        cancelled=cancelled,
    )
    if cancelled and cancelled():
        raise Cancelled
    return write_case(case, read, prediction, output, predictor.bundle, options)


def _let_go_of_images(error: BaseException | None) -> None:
    """Clear what the functions that have failed hold in memory; where they failed can still be shown."""
    while error:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
