"""One case at a time, for a program that goes through its cases itself: its name, an earlier result, a new one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path

from resformer_unet.batch.case_files import ReadCase, kept_report, read_case
from resformer_unet.batch.cases import BatchCase, Outcome, place_of, read_report, same_file_name
from resformer_unet.batch.run import predict_case
from resformer_unet.batch.summary_csv import add_row
from resformer_unet.batch.volume_state import file_name_of, volume_input
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.bundle import ModelBundle

_ENDINGS = (".json", ".seg.nrrd")


def case_of_volume(output: Path, wanted: str, state: dict, taken: Collection[str]) -> BatchCase:
    """The case of a volume that was handed over: that of an earlier result of the same voxels, or a new one.

    Args:
        wanted: the volume's name. The case's is made of it: without what file names cannot hold, and with ``-2``,
            ``-3`` ... where a result of another image has the name.
        state: of :class:`.VolumeDigest`.
        taken: names of cases that are not to be used.
    """
    name = _free_name(output, wanted, taken, lambda report: report.get("input_state") == state)
    return BatchCase(volume_input(output, name), name)


def case_of_series(output: Path, wanted: str, path: Path, series: str | None, taken: Collection[str]) -> BatchCase:
    """The case of a file or a series whose name another program chose; as of :func:`case_of_volume`."""

    def is_of_it(report: dict) -> bool:
        return report["series"] == series and place_of(Path(report["input"])) == place_of(path)

    return BatchCase(path, _free_name(output, wanted, taken, is_of_it), series)


def run_case(
    case: BatchCase,
    image: MedicalImage | None,
    state: dict | None,
    output: Path,
    bundle: ModelBundle,
    make_predictor: Callable[[], Predictor],
    options: PredictOptions,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Outcome:
    """Predict a case and write its files, unless an earlier result is still valid; a row for it in ``summary.csv``.

    Args:
        image: with ``state``, of a volume that was handed over; without, the case's input is read.
        make_predictor: called only if something is to be predicted.

    Raises:
        Cancelled: when ``cancelled()`` returned true; nothing was written.
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL, SUMMARY_IN_THE_WAY, and those of ``make_predictor``.
    """
    report = kept_report(case, output, bundle, options, state)
    if report is not None:
        outcome = Outcome(case.input, report, case.name, report["timing_s"]["total"], kept=True)
    else:
        predictor = make_predictor()
        reading = _reading(case, image, state)
        outcome = predict_case(
            case, reading, predictor, output, options, lambda name, done, total: progress(done, total), cancelled
        )
    add_row(output, outcome, case.series, bundle.segments)
    return outcome


def _reading(case: BatchCase, image: MedicalImage | None, state: dict | None) -> Future[ReadCase]:
    reading: Future[ReadCase] = Future()
    try:
        reading.set_result(read_case(case) if image is None else ReadCase(image, state, 0.0))
    except EngineError as error:
        reading.set_exception(error)
    return reading


def _free_name(output: Path, wanted: str, taken: Collection[str], is_own: Callable[[dict], bool]) -> str:
    base = file_name_of(wanted)
    names = {same_file_name(name) for name in taken}
    number = 1
    while True:
        name = base if number == 1 else f"{base}-{number}"
        number += 1
        if same_file_name(name) in names:
            continue
        report = read_report(output, name)
        if report is not None and is_own(report):
            return name
        if report is None and not any((output / f"{name}{ending}").exists() for ending in _ENDINGS):
            return name
