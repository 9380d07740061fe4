"""The files of a case: read, written, and recognised when an earlier run has written them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resformer_unet.atomic_files import atomic_file, text_bytes, writing_errors
from resformer_unet.batch.cases import REPORT, SEGMENTATION, BatchCase, place_of, read_report, unfinished_report
from resformer_unet.batch.earlier_result import EarlierResult
from resformer_unet.image.guarded_reading import read_image_guarded
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.image.writing import probability_file, segmentation_file
from resformer_unet.inference.options import PredictOptions
from resformer_unet.inference.prediction import Prediction
from resformer_unet.model.bundle import ModelBundle

# Headers whose voxels are in a file of the same name beside them, and what those files end in.
_HEADERS, _VOXELS = (".hdr", ".mhd", ".nhdr"), (".img", ".raw", ".zraw", ".gz")
_DATA_FILE = re.compile(r"^(?:ElementDataFile *=|data ?file:)(.+)$", re.IGNORECASE | re.MULTILINE)
_LONGEST_HEADER = 1 << 16  # bytes


@dataclass(frozen=True)
class ReadCase:
    """An image in memory, the state of its files before it was read, and the seconds that reading took."""

    image: MedicalImage
    state: dict | None
    seconds: float


def read_case(case: BatchCase) -> ReadCase:
    """Read the image of a case.

    Raises:
        EngineError: those of :func:`.read_image_guarded`.
    """
    started = time.perf_counter()
    state = input_state(case.input)
    image = read_image_guarded(case.input, series=case.series)
    return ReadCase(image, state, time.perf_counter() - started)


def write_case(
    case: BatchCase,
    read: ReadCase,
    prediction: Prediction,
    output: Path,
    bundle: ModelBundle,
    options: PredictOptions | None,
) -> dict:
    """Write ``<case>.seg.nrrd``, the probability maps if chosen and ``<case>.json``; returns the report as written.

    Every file is written completely under a temporary name first. Then the earlier result is set aside, and the new
    files take their names, the report last: where there is a report, its images are there and its own, also if the
    process is killed in between. If anything fails, the earlier result of the case is as it was.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    started = time.perf_counter()
    maps = _map_files(output, case.name, bundle, prediction)
    report = {
        **prediction.report,
        "case": case.name,
        "input": str(case.input.absolute()),
        "series": case.series,
        "input_state": read.state,
        "options": (options or PredictOptions()).to_dict(),
        "files": {},
    }
    report_path = output / f"{case.name}{REPORT}"
    with writing_errors(report_path), EarlierResult(output, case.name, case.is_new) as earlier, ExitStack() as images:
        written = {}
        if len(prediction.layers):
            path = output / f"{case.name}{SEGMENTATION}"
            block = segmentation_file(path, prediction.layers, read.image, report["segments"])
            written[path.name] = images.enter_context(block)
        for path, probabilities in maps.items():
            written[path.name] = images.enter_context(probability_file(path, probabilities, read.image))
        report["files"] = {name: sha256_of(temporary) for name, temporary in written.items()}
        write_s = time.perf_counter() - started
        report["timing_s"] = {
            **report["timing_s"],
            "read": round(read.seconds, 4),
            "write": round(write_s, 4),
            "total": round(read.seconds + report["timing_s"]["total"] + write_s, 4),
        }
        text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        with atomic_file(report_path) as temporary:
            temporary.write_bytes(content := text_bytes(text))
            earlier.set_aside(content)
            images.close()  # here they take their names
    return report


def kept_report(
    case: BatchCase, output: Path, bundle: ModelBundle, options: PredictOptions | None, state: dict | None = None
) -> dict | None:
    """The report of an earlier run, if its result is complete and still valid; else ``None``.

    The input (by path, and its files by name, size and modification time), the series, the options and the model's
    id, version and weights must be the same, and all files must exist and be those that were written.

    Args:
        state: of an input that has no files, see :class:`.VolumeDigest`.
    """
    report = read_report(output, case.name)
    state = state or input_state(case.input)
    if report is None or state is None:
        return None
    described = bundle.descriptor
    model = {"id": bundle.id, "version": described["version"], "sha256": described["weights"]["sha256"]}
    expected = {
        "series": case.series,
        "input_state": state,
        "options": (options or PredictOptions()).to_dict(),
        "model": model,
    }
    if any(report.get(entry) != value for entry, value in expected.items()):
        return None
    if state["files"] and place_of(Path(report["input"])) != place_of(case.input):
        return None
    if not isinstance(report.get("files"), dict):
        return None
    try:
        whole = all(sha256_of(output / name) == digest for name, digest in report["files"].items())
    except OSError:
        return None
    if not whole:
        return None
    with suppress(OSError):  # of a process that was killed right after its last file had its name
        unfinished_report(output, case.name).unlink(missing_ok=True)
    return report


def input_state(path: Path) -> dict | None:
    """``files`` and ``bytes`` of an input, and ``sha256`` of the names, sizes and modification times of its files.

    Of a folder all files directly in it count, of a header also the file with the voxels. The contents are not read.
    ``None`` if the input cannot be listed.
    """
    try:
        facts = sorted((file.name, *_size_and_time(file)) for file in _files(path))
    except (OSError, ValueError):
        return None
    lines = "\n".join(f"{name}\t{size}\t{modified}" for name, size, modified in facts)
    digest = hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()
    return {"files": len(facts), "bytes": sum(size for _, size, _ in facts), "sha256": digest}


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in path.iterdir() if file.is_file()]
    if path.suffix.lower() not in _HEADERS:
        return [path]
    folder = path.parent  # of maybe thousands of images: paths are made of the few names that fit
    beside = (folder / name for name in os.listdir(folder) if name.startswith(f"{path.stem}."))
    fitting = [file for file in beside if file.suffix.lower() in _VOXELS]
    named = [folder / name for name in _named_in(path)]
    return [path, *dict.fromkeys([*fitting, *(file for file in named if file.is_file())])]


def _named_in(header: Path) -> list[str]:
    """The files with the voxels that a header in text names, whatever they are called."""
    with header.open("rb") as file:
        text = file.read(_LONGEST_HEADER).decode("utf-8", "surrogateescape")
    found = _DATA_FILE.search(text)
    if found is None:
        return []
    if found[1].strip().upper().startswith("LIST"):
        return [line.strip() for line in text[found.end() :].splitlines() if line.strip()]
    return [] if "\0" in found[1] else [found[1].strip()]


def _size_and_time(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_size, facts.st_mtime_ns


def sha256_of(path: Path) -> str:
    """Of the content of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _map_files(output: Path, name: str, bundle: ModelBundle, prediction: Prediction) -> dict[Path, np.ndarray]:
    """Paths of the probability maps and their values, uint8 (slices, rows, columns); none unless chosen."""
    if prediction.probability_maps is None:
        return {}
    segments = [re.sub(r"[^\w-]+", "_", segment["id"]) for segment in bundle.segments]
    files = [output / f"{name}.probability.{segment}.nrrd" for segment in segments]
    return dict(zip(files, prediction.probability_maps, strict=True))
