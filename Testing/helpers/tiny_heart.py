"""An untrained cardiac model that diagnoses patients; hearts that are plain cylinders, as reports and as a data set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from helpers.tiny_model import tiny_descriptor, weights_that_segment

SEGMENTS = ("rv", "myocardium", "lv")
CLASSES = ("normal", "dilated")


def heart_report(
    name: str, radius: float, wall: float, right: float = 600.0, slices: int = 8, sha256: str = "a" * 64
) -> dict:
    """What is needed of a prediction's report. Radius and wall in mm, the right ventricle's area in mm², slices of
    10 mm."""
    areas = {"rv": right, "myocardium": math.pi * ((radius + wall) ** 2 - radius**2), "lv": math.pi * radius**2}
    return {
        "case": name,
        "model": {"id": "heart", "version": "1.0.0", "sha256": sha256},
        "segments": [{"id": key, "volume_mm3": area * slices * 10.0} for key, area in areas.items()],
        "slices": [{"area_mm2": areas}] * slices,
    }


def volume_regression() -> dict:
    """Dilated is who has an LVEDV of more than about 150 ml."""
    names = ["log_lvedv_ml", "lvef"]
    volume = names.index("log_lvedv_ml")
    return {
        "rule_text": "By the volume.",
        "inputs": names,
        "mean": [math.log(150) if index == volume else 0.0 for index in range(len(names))],
        "std": [1.0] * len(names),
        "weights": [[-3.0, 3.0] if index == volume else [0.0, 0.0] for index in range(len(names))],
        "bias": [0.0, 0.0],
        "fitted_on": "nothing",
    }


def heart_descriptor() -> dict:
    descriptor = tiny_descriptor(SEGMENTS, CLASSES, id="heart", patient_diagnosis=volume_regression())
    descriptor["modality"], descriptor["kind"] = "MR", "volume"
    return descriptor


def save_heart(folder: Path):
    from resformer_unet.model.saving import save_bundle

    descriptor = heart_descriptor()
    return save_bundle(folder, descriptor, weights_that_segment(descriptor), "# Untrained, for tests\n")


def write_hearts(folder: Path, classes: Sequence[str], splits: Mapping[str, int]) -> Path:
    """A data set of patients with two volumes each; every other has a left ventricle twice as wide, and another class.

    Args:
        splits: patients in each split.
    """
    import SimpleITK as sitk

    rows = ["id,label,split,group"]
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    names = [split for split, patients in splits.items() for _ in range(patients)]
    for patient, split in enumerate(names):
        for phase, shrink in (("ED", 1.0), ("ES", 0.7)):
            name = f"p{patient}_{phase}"
            mask = drawn_heart(radius=(15 + 15 * (patient % 2) + patient) * shrink)
            for kind, voxels in (("images", mask * 50 + 10), ("masks", mask)):
                image = sitk.GetImageFromArray(voxels.astype(np.uint8))
                image.SetSpacing((1.0, 1.0, 10.0))
                sitk.WriteImage(image, str(folder / kind / f"{name}.nii.gz"))
            rows.append(f"{name},{classes[patient % 2]},{split},p{patient}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


def drawn_heart(radius: float) -> np.ndarray:
    """(3, 128, 128) label map of SEGMENTS; the left ventricle's radius is in pixels."""
    y, x = np.mgrid[:128, :128]
    left = np.hypot(y - 64, x - 70)
    right = np.hypot(y - 64, x - 22) < 12
    picture = np.where(left < radius, 3, np.where(left < radius + 8, 2, np.where(right, 1, 0)))
    return np.stack([picture] * 3)
