"""The report of a prediction, ready for JSON."""

from __future__ import annotations

import numpy as np

from resformer_unet import NOT_FOR_CLINICAL_USE
from resformer_unet.image.medical_image import MedicalImage, voxel_mm3
from resformer_unet.inference.alerts import diagnosis_alerts
from resformer_unet.inference.reliability import reliability
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.postprocessing.components import bounding_box
from resformer_unet.postprocessing.measurements import largest_lesion, longest_diameters
from resformer_unet.preprocessing.prepare import PreparedImage


def build_report(
    bundle: ModelBundle,
    image: MedicalImage,
    prepared: PreparedImage,
    masks: np.ndarray,
    probabilities: np.ndarray | None,
    case: np.ndarray | None,
    *,
    device: str,
    engine: str,
    warnings: list[dict],
) -> dict:
    """The content of ``<case>.json`` but ``timing_s``; ``docs/prediction-report.md`` explains each entry.

    Args:
        prepared: the slices that were run.
        masks: bool (n, segments, rows, columns) of these slices.
        probabilities: (n, diagnoses) of the slices, ``None`` for a model without diagnosis.
        case: (diagnoses,) of the image, ``None`` for a model without diagnosis.
        device: where the network ran.
        engine: inference engine with its version.
        warnings: rows with ``code`` and ``message``.
    """
    layout = prepared.layout
    segments, diagnoses = ([row["id"] for row in rows] for rows in (bundle.segments, bundle.diagnoses))
    voxels = np.array([[np.count_nonzero(mask) for mask in slice_masks] for slice_masks in masks], int)
    voxels = voxels.reshape(masks.shape[:2])  # (n, segments)
    diameters = None
    row_mm, column_mm, _ = layout.spacing(image)
    pixel_mm2 = layout.pixel_mm2(image)
    if image.has_areas:  # a picture's pixels have no size in millimetres
        diameters = longest_diameters(masks, (row_mm, column_mm), layout.cosine(image))
    return {
        "case": image.name,
        "model": {
            "id": bundle.id,
            "version": bundle.descriptor["version"],
            "sha256": bundle.descriptor["weights"]["sha256"],
        },
        "device": device,
        "engine": engine,
        "diagnosis": None if case is None else _diagnosis(bundle, case),
        "segments": _segments(bundle, image, voxels.sum(0), diameters, _centroids(image, prepared, masks)),
        "largest_lesion": _largest_lesion(bundle, image, prepared, masks),
        "grid": _grid(image),
        "slice_axis": {"plane": layout.plane, "array_axis": layout.axis},
        "slices": [
            {
                "index": prepared.first + index,
                "probabilities": {} if probabilities is None else _named(diagnoses, probabilities[index]),
                "voxels": dict(zip(segments, voxels[index].tolist(), strict=True)),
                "area_mm2": None if diameters is None else _named(segments, voxels[index] * pixel_mm2),
                "longest_diameter_mm": None if diameters is None else _named(segments, diameters[index]),
            }
            for index in range(len(masks))
        ],
        "warnings": warnings,
        **reliability(row["code"] for row in warnings),
        "timing_s": {},
        "not_for_clinical_use": NOT_FOR_CLINICAL_USE,
    }


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
        "alerts": diagnosis_alerts(bundle, case),
    }


def _segments(
    bundle: ModelBundle,
    image: MedicalImage,
    voxels: np.ndarray,
    diameters: np.ndarray | None,
    centroids: list[list[float] | None],
) -> list[dict]:
    exclusive = bool(bundle.segments) and bundle.descriptor["segmentation"]["exclusive"]
    of_voxel = voxel_mm3(image.affine) if image.has_volumes else None
    return [
        {
            "id": segment["id"],
            "name": segment["name"],
            "value": segment["value"],
            "voxels": int(count),
            "volume_mm3": None if of_voxel is None else count * of_voxel,
            "longest_diameter_mm": None if diameters is None else float(diameters[:, index].max()),
            "center_lps": centroids[index],
            "layer": 0 if exclusive else index,
            "color": segment["color"],
            "terminology": segment["terminology"],
        }
        for index, (segment, count) in enumerate(zip(bundle.segments, voxels.tolist(), strict=True))
    ]


def _grid(image: MedicalImage) -> dict | None:
    if not image.has_orientation:
        return None
    return {"size": list(image.shape[::-1]), "affine_lps": image.affine.tolist()}


def _centroids(image: MedicalImage, prepared: PreparedImage, masks: np.ndarray) -> list[list[float] | None]:
    """Centroid of each segment in LPS millimetres; ``None`` for pictures and empty segments.

    (SciPy's ``center_of_mass`` needs several copies of the volume in double precision.)
    """
    centroids: list[list[float] | None] = []
    for segment in masks.swapaxes(0, 1):
        if not image.has_orientation or not segment.any():
            centroids.append(None)
            continue
        box = bounding_box(segment)
        lines = segment[box].sum(2)
        counts = lines.sum(1), lines.sum(0), segment[box].sum((0, 1))
        index, row, column = (
            side.start + float(np.average(np.arange(len(along)), weights=along))
            for side, along in zip(box, counts, strict=True)
        )
        ijk = prepared.layout.voxel_of(prepared.first + index, row, column, image.shape)
        centroids.append((image.affine @ [*ijk, 1])[:3].tolist())
    return centroids


def _largest_lesion(
    bundle: ModelBundle, image: MedicalImage, prepared: PreparedImage, masks: np.ndarray
) -> dict | None:
    largest = largest_lesion(masks)
    if largest is None:
        return None
    index, row, column = largest.center
    ijk = prepared.layout.voxel_of(prepared.first + index, row, column, image.shape)
    return {
        "segment": bundle.segments[largest.segment]["id"],
        "voxels": largest.voxels,
        "slice": prepared.first + index,
        "center_ijk": list(ijk),
        "center_lps": (image.affine @ [*ijk, 1])[:3].tolist(),
    }


def _named(names: list[str], values: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
