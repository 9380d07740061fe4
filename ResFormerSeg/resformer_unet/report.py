"""The report of a prediction: everything but the voxels, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from . import NOT_FOR_CLINICAL_USE
from .bundle import ModelBundle
from .images import MedicalImage
from .slices import SliceLayout


def build_report(
    bundle: ModelBundle,
    image: MedicalImage,
    layout: SliceLayout,
    masks: np.ndarray,
    probabilities: np.ndarray | None,
    case: np.ndarray | None,
    *,
    device: str,
    warnings: list[dict],
    timing: Mapping[str, float],
) -> dict:
    """The content of ``<case>.json``; ``docs/prediction-report.md`` explains each entry.

    Args:
        masks: bool (n, segments, rows, columns), slices in the order of the image's array axis.
        probabilities: (n, diagnoses) of the slices; case: (diagnoses,) of the image; ``None`` without that task.
        timing: seconds by step.
    """
    voxels = masks.sum((2, 3))  # (n, segments)
    diagnoses = [entry["id"] for entry in bundle.diagnoses]
    if case is not None and bundle.segments and not voxels.any():
        message = "Nothing was outlined. The diagnosis is the mean over all slices and should not be relied on."
        warnings = [*warnings, {"code": "NOTHING_OUTLINED", "message": message}]
    if mismatch := _kind_mismatch(bundle.descriptor["kind"], len(masks)):
        warnings = [*warnings, {"code": "KIND_MISMATCH", "message": mismatch}]
    return {
        "case": image.name,
        "model": {
            "id": bundle.id,
            "version": bundle.descriptor["version"],
            "sha256": bundle.descriptor["weights"]["sha256"],
        },
        "device": device,
        "diagnosis": None if case is None else _diagnosis(bundle, case),
        "segments": _segments(bundle, image, voxels.sum(0)),
        "slice_axis": {"plane": layout.plane, "array_axis": layout.axis},
        "slices": [
            {
                "index": index,
                "probabilities": {} if probabilities is None else _named(diagnoses, probabilities[index]),
                "voxels": {row["id"]: int(count) for row, count in zip(bundle.segments, voxels[index], strict=True)},
            }
            for index in range(len(masks))
        ],
        "warnings": warnings,
        "timing_s": {step: round(seconds, 4) for step, seconds in timing.items()},
        "not_for_clinical_use": NOT_FOR_CLINICAL_USE,
    }


def _kind_mismatch(kind: str, slices: int) -> str | None:
    if kind == "2d" and slices > 1:
        return (
            f"This model was made for single pictures; the image is a volume of {slices} slices. The result should "
            "not be relied on."
        )
    if kind == "volume" and slices == 1:
        return "This model was made for volumes; the image is a single slice. The result should not be relied on."
    return None


def _diagnosis(bundle: ModelBundle, case: np.ndarray) -> dict:
    best = bundle.diagnoses[int(case.argmax())]
    return {
        "label": best["id"],
        "name": best["name"],
        "code": best["code"],
        "probability": float(case.max()),
        "probabilities": _named([entry["id"] for entry in bundle.diagnoses], case),
        "rule": bundle.descriptor["diagnosis"]["rule"],
        "rule_text": bundle.descriptor["diagnosis"]["rule_text"],
        "calibrated": bundle.descriptor["calibration"] is not None,
    }


def _segments(bundle: ModelBundle, image: MedicalImage, voxels: np.ndarray) -> list[dict]:
    exclusive = bool(bundle.segments) and bundle.descriptor["segmentation"]["exclusive"]
    # A picture's pixels have no size in millimetres.
    voxel_mm3 = float(abs(np.linalg.det(image.affine[:3, :3]))) if image.has_orientation else None
    return [
        {
            "id": segment["id"],
            "name": segment["name"],
            "value": segment["value"],
            "voxels": int(count),
            "volume_mm3": None if voxel_mm3 is None else count * voxel_mm3,
            "layer": 0 if exclusive else index,
            "color": segment["color"],
            "terminology": segment["terminology"],
        }
        for index, (segment, count) in enumerate(zip(bundle.segments, voxels.tolist(), strict=True))
    ]


def _named(names: list[str], values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
