"""What a report is made from, and its figures after the segments were edited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage, voxel_mm3
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.catalog import find_model
from resformer_unet.postprocessing.measurements import largest_lesion, longest_diameters
from resformer_unet.preprocessing.slice_layout import SliceLayout, parallelogram_mm2

SAME_AFFINE = 1e-3  # mm


@dataclass(frozen=True)
class ReportCase:
    """One result with all that a report shows of it.

    Attributes:
        report: as ``docs/prediction-report.md`` describes it; its ``segments`` are the rows of ``masks``.
        masks: bool (segments, slices, rows, columns) on the image's grid.
        image: the image itself, for a picture of it; ``None`` where it cannot be read any more.
        bundle: the model of the result; ``None`` where that version is not installed.
        edited: whether the masks are not the model's own any more.
        notes: {"code", "message"} about this report, to be shown with the warnings.
    """

    report: dict
    masks: np.ndarray
    image: MedicalImage | None = None
    bundle: ModelBundle | None = None
    edited: bool = False
    notes: tuple[dict[str, str], ...] = field(default=())


def installed_model(report: dict) -> ModelBundle | None:
    """The model of a report, if that very version is installed."""
    try:
        bundle = find_model(report["model"]["id"])
    except EngineError:
        return None
    return bundle if bundle.descriptor["weights"]["sha256"] == report["model"]["sha256"] else None


def fits(image: MedicalImage, report: dict, masks: np.ndarray) -> bool:
    """Whether an image has the grid of a result."""
    if image.shape != masks.shape[1:] or image.has_orientation != (report["grid"] is not None):
        return False
    return report["grid"] is None or np.allclose(image.affine, report["grid"]["affine_lps"], atol=SAME_AFFINE)


def measured_anew(report: dict, masks: np.ndarray, segments: Sequence[dict]) -> dict:
    """The report with the sizes of other masks than the model's own; diagnosis and warnings stay as they were.

    Args:
        report: of the run. What it does not state in millimetres is not stated here either.
        masks: bool (segments, slices, rows, columns) on the image's grid.
        segments: rows with ``id``, ``name``, ``color`` and ``terminology``, in the order of the masks.
    """
    axis = report["slice_axis"]["array_axis"]
    stack = np.moveaxis(masks, axis + 1, 0)  # (n, segments, rows, columns)
    affine = None if report["grid"] is None else np.array(report["grid"]["affine_lps"], float)
    spacing = np.ones(3) if affine is None else np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    pixel = tuple(float(length) for length in np.delete(spacing, axis))
    cosine = 0.0 if affine is None else SliceLayout(axis, False, False, False, "").cosine_of(affine)
    pixel_mm2 = parallelogram_mm2(*pixel, cosine)
    has_areas = any(row["area_mm2"] is not None for row in report["slices"])
    has_volumes = any(row["volume_mm3"] is not None for row in report["segments"])
    counts = np.count_nonzero(stack, axis=(2, 3))
    diameters = longest_diameters(stack, pixel, cosine) if has_areas else None
    ids = [row["id"] for row in segments]
    rows = [
        {
            **row,
            "voxels": int(counts[:, index].sum()),
            "volume_mm3": float(counts[:, index].sum() * voxel_mm3(affine)) if has_volumes else None,
            "longest_diameter_mm": None if diameters is None else float(diameters[:, index].max()),
        }
        for index, row in enumerate(segments)
    ]
    run = {row["index"]: row for row in report["slices"]}
    slices = [
        {
            "index": index,
            "probabilities": run[index]["probabilities"] if index in run else {},
            "voxels": _named(ids, counts[index].tolist()),
            "area_mm2": _named(ids, (counts[index] * pixel_mm2).tolist()) if has_areas else None,
            "longest_diameter_mm": None if diameters is None else _named(ids, diameters[index].tolist()),
        }
        for index in range(len(stack))
        if index in run or counts[index].any()
    ]
    return {**report, "segments": rows, "slices": slices, "largest_lesion": _largest(ids, stack, axis, affine)}


def _largest(ids: list[str], stack: np.ndarray, axis: int, affine: np.ndarray | None) -> dict | None:
    found = largest_lesion(stack)
    if found is None:
        return None
    index, row, column = found.center
    place = [row, column]
    place.insert(axis, index)
    ijk = place[::-1]
    return {
        "segment": ids[found.segment],
        "voxels": found.voxels,
        "slice": index,
        "center_ijk": ijk,
        "center_lps": None if affine is None else (affine @ [*ijk, 1])[:3].tolist(),
    }


def _named(ids: list[str], values: list) -> dict:
    return dict(zip(ids, values, strict=True))
