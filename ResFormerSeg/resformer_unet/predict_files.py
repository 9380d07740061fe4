"""A model over many files: one bad input does not stop the others, and files appear whole or not at all."""

from __future__ import annotations

import glob
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .atomic_files import atomic_write_text
from .catalog import find_model
from .errors import EngineError, unexpected
from .images import read_image
from .options import PredictOptions
from .predict import Prediction, Predictor
from .segmentation_file import probability_file, segmentation_file


@dataclass(frozen=True)
class Outcome:
    """What became of one input: its report, or why there is none."""

    input: Path
    result: dict | EngineError


def predict_files(
    inputs: Sequence[Path],
    model: str,
    output: Path,
    *,
    device: str = "auto",
    options: PredictOptions | None = None,
    series: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[Outcome]:
    """Predict each input and write ``<case>.seg.nrrd`` and ``<case>.json`` into ``output``.

    With the option ``probability_maps``, ``<case>.probability.<segment>.nrrd`` too, uint8 in per cent. Cases of the
    same name are told apart by ``-2``, ``-3``... in the order of the inputs. An earlier result of the same input is
    replaced; no other file is: not an input, nor a result of another input of that name.

    Raises:
        EngineError: before the first input, if the model, the device or the output folder cannot be used.
    """
    predictor = Predictor(find_model(model), device)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE", f"The folder {output} cannot be made: {error.strerror}.", "Choose another folder."
        ) from error
    sources = {path.resolve() for path in inputs if path.exists()}
    for path in inputs:
        try:
            yield Outcome(path, _predict_file(path, predictor, output, options, series, progress, sources))
        except EngineError as error:
            yield Outcome(path, error)
        except Exception as error:  # whatever is wrong with this input, the others are none the worse for it
            yield Outcome(path, unexpected(error))


def _predict_file(
    path: Path,
    predictor: Predictor,
    output: Path,
    options: PredictOptions | None,
    series: str | None,
    progress: Callable[[str, int, int], None] | None,
    inputs: set[Path],
) -> dict:
    started = time.perf_counter()
    image = read_image(path, series=series)
    read = time.perf_counter()
    prediction = predictor.predict(
        image,
        options=options,
        progress=None if progress is None else lambda done, total: progress(image.name, done, total),
    )
    predicted = time.perf_counter()
    name = _free_name(image.name, path, series, output, inputs)
    segmentation, report_file = _files(output, name)
    maps = _map_files(output, name, predictor, prediction)
    report = {**prediction.report, "case": name, "input": str(path.absolute()), "series": series}
    with ExitStack() as stack:  # the others take their names only after the report was written
        if len(prediction.layers):
            stack.enter_context(segmentation_file(segmentation, prediction.layers, image, report["segments"]))
        for file, probabilities in maps.items():
            stack.enter_context(probability_file(file, probabilities, image))
        written = time.perf_counter()
        report["timing_s"] = {
            **report["timing_s"],
            "read": round(read - started, 4),
            "write": round(written - predicted, 4),
            "total": round(written - started, 4),
        }
        atomic_write_text(report_file, json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    written_now = {report_file, *maps, *([segmentation] if len(prediction.layers) else [])}
    for stale in set(_present(output, name)) - written_now:
        stale.unlink()  # an earlier prediction's of the same input; it would not belong to this report
    return report


def _free_name(name: str, path: Path, series: str | None, output: Path, inputs: set[Path]) -> str:
    """``name``, or the first of ``name-2``, ``name-3``... whose files would replace nothing but this input's result."""
    candidates = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(candidate for candidate in candidates if _is_free(output, candidate, path, series, inputs))


def _files(output: Path, name: str) -> tuple[Path, Path]:
    """Where the segmentation and the report of a case are written."""
    return output / f"{name}.seg.nrrd", output / f"{name}.json"


def _map_files(output: Path, name: str, predictor: Predictor, prediction: Prediction) -> dict[Path, np.ndarray]:
    """Where the probability maps are written, and what is in them, (slices, rows, columns); none unless asked for."""
    if prediction.probability_maps is None:
        return {}
    segments = [re.sub(r"[^\w-]+", "_", segment["id"]) for segment in predictor.bundle.segments]
    files = [output / f"{name}.probability.{segment}.nrrd" for segment in segments]
    return dict(zip(files, prediction.probability_maps, strict=True))


def _present(output: Path, name: str) -> list[Path]:
    """The files of a case that are there already."""
    maps = sorted(output.glob(f"{glob.escape(name)}.probability.*.nrrd"))
    return [file for file in (*_files(output, name), *maps) if file.exists()]


def _is_free(output: Path, name: str, path: Path, series: str | None, inputs: set[Path]) -> bool:
    present = _present(output, name)
    if not present:
        return True
    if any(file.resolve() in inputs for file in present):
        return False
    try:
        report = json.loads((output / f"{name}.json").read_text("utf-8"))
        return Path(report["input"]).resolve() == path.resolve() and report["series"] == series
    except (OSError, ValueError, KeyError, TypeError):  # nothing that was written here
        return False
