"""A model over many files: one bad input does not stop the others, and files appear whole or not at all."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .atomic_files import atomic_write_text
from .catalog import find_model
from .errors import EngineError
from .images import read_image
from .predict import Predictor
from .segmentation_file import write_segmentation


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
    slice_axis: str | None = None,
    series: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[Outcome]:
    """Predict each input and write ``<case>.seg.nrrd`` and ``<case>.json`` into ``output``.

    Cases of the same name are told apart by ``-2``, ``-3``... in the order of the inputs.

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
    taken: set[str] = set()
    for path in inputs:
        try:
            yield Outcome(path, _predict_file(path, predictor, output, slice_axis, series, progress, taken))
        except EngineError as error:
            yield Outcome(path, error)
        except Exception as error:  # whatever is wrong with this input, the others are none the worse for it
            failure = EngineError(
                "INTERNAL",
                f"The engine failed unexpectedly: {type(error).__name__}: {error}.",
                "Please report it with what --debug shows.",
            )
            failure.__cause__ = error
            yield Outcome(path, failure)


def _predict_file(
    path: Path,
    predictor: Predictor,
    output: Path,
    slice_axis: str | None,
    series: str | None,
    progress: Callable[[str, int, int], None] | None,
    taken: set[str],
) -> dict:
    started = time.perf_counter()
    image = read_image(path, series=series)
    read = time.perf_counter()
    prediction = predictor.predict(
        image,
        slice_axis=slice_axis,
        progress=None if progress is None else lambda done, total: progress(image.name, done, total),
    )
    predicted = time.perf_counter()
    name = _free_name(image.name, taken)
    taken.add(name)
    if len(prediction.layers):
        write_segmentation(output / f"{name}.seg.nrrd", prediction.layers, image, prediction.report["segments"])
    written = time.perf_counter()
    timing = {
        **prediction.report["timing_s"],
        "read": round(read - started, 4),
        "write": round(written - predicted, 4),
        "total": round(written - started, 4),
    }
    report = {**prediction.report, "case": name, "input": str(path), "timing_s": timing}
    atomic_write_text(output / f"{name}.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    return report


def _free_name(name: str, taken: set[str]) -> str:
    """``name``, or the first of ``name-2``, ``name-3``... that no other case has."""
    candidates = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(candidate for candidate in candidates if candidate not in taken)
