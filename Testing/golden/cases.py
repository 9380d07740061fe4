"""The drawn images, each with the model it is for, the place it has in a patient, and the kind of file it comes in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from golden import drawn_pictures, drawn_volumes

# A rotation by 18 degrees about the direction (2, -1, 3): no axis of a volume lies along one of the patient's.
_axis, _angle = np.array((2.0, -1.0, 3.0)) / np.sqrt(14), np.radians(18)
_cross = np.cross(np.eye(3), _axis)
TILT = np.cos(_angle) * np.eye(3) - np.sin(_angle) * _cross + (1 - np.cos(_angle)) * np.outer(_axis, _axis)


@dataclass(frozen=True)
class GoldenCase:
    """voxels: (slices, rows, columns[, channels]). affine: (column, row, slice, 1) to LPS mm; of a picture the unit
    matrix, so that its centres are in pixels. suffix: of the file that :meth:`write` makes."""

    name: str
    model: str
    voxels: np.ndarray
    affine: np.ndarray
    is_picture: bool
    suffix: str

    def write(self, folder: Path) -> Path:
        import SimpleITK as sitk

        voxels = self.voxels[0].astype(np.uint16) if self.is_picture else self.voxels
        image = sitk.GetImageFromArray(voxels, isVector=self.voxels.ndim == 4)
        if not self.is_picture:
            spacing = np.linalg.norm(self.affine[:3, :3], axis=0)
            image.SetSpacing(spacing.tolist())
            image.SetDirection((self.affine[:3, :3] / spacing).ravel().tolist())
            image.SetOrigin(self.affine[:3, 3].tolist())
        path = folder / f"{self.name}{self.suffix}"
        sitk.WriteImage(image, str(path))
        return path


@cache
def golden_cases() -> dict[str, GoldenCase]:
    """By their names. The two hearts are the phases of one patient."""
    # Along the columns, rows and slices of a volume: to the patient's left (L), back (P) or head (S), in mm.
    head = _affine([(0, 1.25, 0), (0, 0, -6.0), (-1.25, 0, 0)], (61.5, -80.0, 44.25))
    eye = _affine([(0, -0.0115, 0), (0, 0, -0.0078), (0.24, 0, 0)], (31.0, -72.5, 13.0))
    heart = _affine([(0, 0, 1.55), (-1.93, 0, 0), (0, 9.5, 0)], (90.0, 15.0, -140.0))
    hearts = {name: drawn_volumes.heart(diastole) for name, diastole in (("heart-full", True), ("heart-empty", False))}
    cases = [
        _picture("mole", "skin-lesion", drawn_pictures.mole()),
        _picture("lump", "breast-ultrasound", drawn_pictures.lump()),
        _picture("head-on-its-side", "brain-tumor-mr", drawn_pictures.head_on_its_side()),
        GoldenCase("head", "brain-tumor-mr", drawn_volumes.head(), head, False, ".nrrd"),
        GoldenCase("eye", "retina-oct", drawn_volumes.eye(), eye, False, ".mha"),
        *(GoldenCase(name, "cardiac-mr", voxels, heart, False, ".nii.gz") for name, voxels in hearts.items()),
    ]
    return {case.name: case for case in cases}


PATIENT = ("heart-full", "heart-empty")


def _picture(name: str, model: str, pixels: np.ndarray) -> GoldenCase:
    return GoldenCase(name, model, pixels[None], np.eye(4), True, ".png")


def _affine(steps: list[tuple[float, float, float]], origin: tuple[float, float, float]) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = TILT @ np.array(steps).T
    affine[:3, 3] = origin
    return affine
