"""The files of a case: read, written whole or not at all, recognised when an earlier run has written them."""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.batch.cases import REPORT, SEGMENTATION, Case, place_of, read_report
from resformer_unet.batch.input_state import input_state
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.reading import read_image
from resformer_unet.image.writing import probability_file, segmentation_file
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.prediction import Prediction
from resformer_unet.model.bundle import ModelBundle


@dataclass(frozen=True)
class ReadCase:
    """An image in memory, what its files looked like before, and the seconds that reading took."""

    image: MedicalImage
    state: dict | None
    seconds: float


def read_case(case: Case) -> ReadCase:
    """Read the image of a case.

    Raises:
        EngineError: those of :func:`.read_image`.
    """
    started = time.perf_counter()
    state = input_state(case.input)
    image = read_image(case.input, series=case.series)
    return ReadCase(image, state, time.perf_counter() - started)


def write_case(
    case: Case,
    read: ReadCase,
    prediction: Prediction,
    output: Path,
    bundle: ModelBundle,
    options: PredictOptions | None,
) -> dict:
    """Write ``<case>.seg.nrrd``, the maps that were asked for and ``<case>.json``; returns the report as written.

    An earlier result of the case is replaced, all of it or nothing.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    started = time.perf_counter()
    files = _map_files(output, case.name, bundle, prediction)
    report = {
        **prediction.report,
        "case": case.name,
        "input": str(case.input.absolute()),
        "series": case.series,
        "input_state": read.state,
        "options": _as_json(options),
        "files": {},
    }
    with ExitStack() as stack:  # the others take their names only after the report was written
        written = {}
        if len(prediction.layers):
            path = output / f"{case.name}{SEGMENTATION}"
            block = segmentation_file(path, prediction.layers, read.image, report["segments"])
            written[path.name] = stack.enter_context(block)
        for path, probabilities in files.items():
            written[path.name] = stack.enter_context(probability_file(path, probabilities, read.image))
        report["files"] = {name: _sum(temporary) for name, temporary in written.items()}
        write_s = time.perf_counter() - started
        report["timing_s"] = {
            **report["timing_s"],
            "read": round(read.seconds, 4),
            "write": round(write_s, 4),
            "total": round(read.seconds + report["timing_s"]["total"] + write_s, 4),
        }
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write_text(output / f"{case.name}{REPORT}", text + "\n")
    _remove_stale(output, case.name, set(report["files"]))
    return report


def kept_report(case: Case, output: Path, bundle: ModelBundle, options: PredictOptions | None) -> dict | None:
    """The report of an earlier run, if its result is whole and would come out the same again; else ``None``.

    The input (by path, and its files by name, size and modification time), the series, the options and the model's
    id, version and weights must be the same, and all files must be there and be those that were written.
    """
    report = read_report(output, case.name)
    state = input_state(case.input)
    if report is None or state is None:
        return None
    described = bundle.descriptor
    model = {"id": bundle.id, "version": described["version"], "sha256": described["weights"]["sha256"]}
    expected = {"series": case.series, "input_state": state, "options": _as_json(options), "model": model}
    if any(report.get(entry) != value for entry, value in expected.items()):
        return None
    if place_of(Path(report["input"])) != place_of(case.input) or not isinstance(report.get("files"), dict):
        return None
    try:
        whole = all(_sum(output / name) == digest for name, digest in report["files"].items())
    except OSError:
        return None
    return report if whole else None


def _as_json(options: PredictOptions | None) -> dict:
    chosen = asdict(options or PredictOptions())
    return {name: list(value) if isinstance(value, tuple) else value for name, value in chosen.items()}


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _map_files(output: Path, name: str, bundle: ModelBundle, prediction: Prediction) -> dict[Path, np.ndarray]:
    """Where the probability maps are written, and what is in them, (slices, rows, columns); none unless asked for."""
    if prediction.probability_maps is None:
        return {}
    segments = [re.sub(r"[^\w-]+", "_", segment["id"]) for segment in bundle.segments]
    files = [output / f"{name}.probability.{segment}.nrrd" for segment in segments]
    return dict(zip(files, prediction.probability_maps, strict=True))


def _remove_stale(output: Path, name: str, written: set[str]) -> None:
    """Remove files of an earlier result of the case that would not belong to this report."""
    own = re.compile(re.escape(name) + r"(\.seg|\.probability\.[^.]+)\.nrrd")
    for file in output.iterdir():
        if own.fullmatch(file.name) and file.name not in written:
            file.unlink(missing_ok=True)
