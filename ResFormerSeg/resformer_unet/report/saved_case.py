"""Reads a result of the command line again: JSON report, segmentation, image and model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.guarded_reading import read_image_guarded
from resformer_unet.json_text import parse_json
from resformer_unet.report.case import SAME_AFFINE, ReportCase, fits, installed_model, measured_anew

SEGMENTATION = ".seg.nrrd"
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
    notes: tuple[dict[str, str], ...] = ()
    if image is not None and not fits(image, report, masks):
        image = None
        problem = EngineError(
            "SOURCE_MISMATCH",
            f"“{place}” is not the image that this result was made from: its size or its place differs.",
            "Say where that image is now; on the command line: --source PATH.",
        )
    if edited:
        report = measured_anew(report, masks, report["segments"])
    return SavedCase(ReportCase(report, masks, image, installed_model(report), edited, notes), place, series, problem)


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
    """The segments by their ids, wherever in the file they are: other programs renumber them when they save."""
    import SimpleITK as sitk

    from resformer_unet.image.itk_arrays import affine_of, array_of
    from resformer_unet.image.itk_paths import path_to_read

    try:
        with path_to_read(file, (".nrrd",)) as readable:
            read = sitk.ReadImage(readable)
    except RuntimeError:
        raise _mismatch(file, "it cannot be read") from None
    voxels = array_of(read)  # (slices, rows, columns, layers)
    grid = report["grid"]
    if grid is not None:
        if voxels.shape[:3] != tuple(grid["size"][::-1]):
            raise _mismatch(file, "it has another size")
        if not np.allclose(affine_of(read), grid["affine_lps"], atol=SAME_AFFINE):
            raise _mismatch(file, "it lies at another place")
    keys = {key: read.GetMetaData(key) for key in read.GetMetaDataKeys()}
    places = {}
    for number in range(sum(key.endswith("_ID") for key in keys)):
        identifier = keys.get(f"Segment{number}_ID")
        places[identifier] = int(keys[f"Segment{number}_Layer"]), int(keys[f"Segment{number}_LabelValue"])
    masks = np.zeros((len(report["segments"]), *voxels.shape[:3]), bool)
    for mask, row in zip(masks, report["segments"], strict=True):
        if row["id"] in places:  # one that was removed is empty
            layer, value = places[row["id"]]
            mask[...] = voxels[..., layer] == value
    return masks


def _mismatch(file: Path, reason: str) -> EngineError:
    return EngineError(
        "SEGMENTATION_MISMATCH",
        f"The segmentation “{file.name}” does not fit its report: {reason}.",
        "Predict the image again, or make the report in 3D Slicer, where the segmentation was changed.",
    )
