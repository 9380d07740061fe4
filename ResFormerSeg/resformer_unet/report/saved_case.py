"""Reads a result of the command line again: JSON report, segmentation, image and model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resformer_unet.batch.case_files import input_state
from resformer_unet.errors import EngineError
from resformer_unet.image.guarded_reading import read_image_guarded
from resformer_unet.image.stored_segments import StoredSegment, masks_of
from resformer_unet.json_text import parse_json
from resformer_unet.report.case import SAME_AFFINE, ReportCase, fits, installed_model, measured_anew

SEGMENTATION = ".seg.nrrd"
_CHANGED = {
    "code": "SOURCE_CHANGED",
    "message": "The files of the image are not as they were when the result was made: their number, sizes or times "
    "differ. If they hold another image, what is shown is not the one that was segmented and diagnosed.",
}
_NEEDED = {"case", "model", "segments", "slices", "grid", "slice_axis", "warnings", "diagnosis", "files", "engine"}


@dataclass(frozen=True)
class SavedCase:
    """``source``: the file or folder that the image was, or would be, read from; ``problem``: why it was not."""

    case: ReportCase
    source: Path
    series: str | None
    problem: EngineError | None


def read_saved_case(path: Path, source: Path | None = None) -> SavedCase:
    """Read the result whose report is ``path``, ``<case>.json`` of ``resformer-unet predict``.

    Sizes are measured anew where the segmentation beside it was changed since.

    Args:
        source: where the image is now, if not where it was.

    Raises:
        EngineError: NOT_A_REPORT, SEGMENTATION_MISSING, SEGMENTATION_MISMATCH.
    """
    report = read_report(path)
    place = source or Path(report["input"])
    series, image, problem = report.get("series"), None, None
    try:
        image = read_image_guarded(place, series=series)
    except EngineError as error:
        problem = error
    masks, edited = _read_masks(path, report)
    notes = () if image is None or _is_unchanged(report, place, moved=source is not None) else (_CHANGED,)
    if image is not None and not fits(image, report, masks):
        image, notes = None, ()
        problem = EngineError(
            "SOURCE_MISMATCH",
            f"“{place}” is not the image that this result was made from: its size or its place differs.",
            "Say where that image is now; on the command line: --source PATH.",
        )
    if edited:
        report = measured_anew(report, masks, report["segments"])
    return SavedCase(ReportCase(report, masks, image, installed_model(report), edited, notes), place, series, problem)


def _is_unchanged(report: dict, place: Path, moved: bool) -> bool:
    """Whether nothing speaks against the image's files being those of the run: number and bytes, and where they are
    still in their place also names and times. Reports that lack them are believed.
    """
    known, state = report.get("input_state"), input_state(place)
    if not isinstance(known, dict) or not known.get("files") or state is None:
        return True
    entries = ("files", "bytes") if moved else ("files", "bytes", "sha256")
    return all(known.get(entry) == state[entry] for entry in entries)


def read_report(path: Path) -> dict:
    """The report of a prediction. Raises ``EngineError``: NOT_A_REPORT."""
    report = json_of(path)
    if not _NEEDED <= set(report) or not isinstance(report.get("input"), str):
        raise not_a_report(path)
    return report


def json_of(path: Path) -> dict:
    """Raises ``EngineError``: NOT_A_REPORT."""
    try:
        found = parse_json(path.read_text("utf-8"))
    except OSError as error:
        raise EngineError("NOT_A_REPORT", f"“{path}” cannot be read ({error.strerror}).", "Check its name.") from None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise not_a_report(path)
    return found


def not_a_report(path: Path) -> EngineError:
    return EngineError(
        "NOT_A_REPORT",
        f"“{path}” is not the report of a prediction.",
        "Give the <case>.json or <name>.patient.json that “resformer-unet predict” wrote, not of a sequence or an "
        "evaluation.",
    )


def _read_masks(path: Path, report: dict) -> tuple[np.ndarray, bool]:
    """bool (segments, slices, rows, columns), and whether the file was changed since the run."""
    rows = report["segments"]
    if not rows:
        size = report["grid"]["size"][::-1] if report["grid"] else (len(report["slices"]), 1, 1)
        return np.zeros((0, *size), bool), False
    name = next((name for name in report["files"] if name.endswith(SEGMENTATION)), f"{report['case']}{SEGMENTATION}")
    file = path.parent / name
    try:
        changed = hashlib.sha256(file.read_bytes()).hexdigest() != report["files"].get(name)
    except OSError:
        raise EngineError(
            "SEGMENTATION_MISSING",
            f"The segmentation “{file}” of this result is missing.",
            "Put it back beside the JSON report.",
        ) from None
    return _masks_of(file, report), changed


def _masks_of(file: Path, report: dict) -> np.ndarray:
    """The segments by their ids or names, wherever in the file they are: other programs renumber them when they save.

    A file without them, as programs leave it that know label maps only, has the layers and values of the report.
    """
    try:
        read = read_image_guarded(file)
    except EngineError:
        raise _mismatch(file, "it cannot be read") from None
    grid, rows = report["grid"], report["segments"]
    if grid is not None:
        if read.shape != tuple(grid["size"][::-1]):
            raise _mismatch(file, "it has another size")
        if not np.allclose(read.affine, grid["affine_lps"], atol=SAME_AFFINE):
            raise _mismatch(file, "it lies at another place")
    written = tuple(StoredSegment(row["id"], row["name"], row["layer"], row["value"]) for row in rows)
    layers = 1 + max(segment.layer for segment in written)
    if not read.segments and read.voxels.shape[-1] != layers:
        raise _mismatch(file, f"it has {read.voxels.shape[-1]} layers and not {layers}")
    try:
        return masks_of(read.voxels, read.segments or written, rows)
    except ValueError as reason:
        raise _mismatch(file, str(reason)) from None


def _mismatch(file: Path, reason: str) -> EngineError:
    return EngineError(
        "SEGMENTATION_MISMATCH",
        f"The segmentation “{file.name}” does not fit its report: {reason}.",
        "Predict the image again, or make the report in 3D Slicer, where the segmentation was changed.",
    )
