"""Synthetic images that the tests of reading and writing share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def volume(slices: int = 6, rows: int = 20, columns: int = 24) -> np.ndarray:
    """(slices, rows, columns) int16 in which every voxel has its own value."""
    return np.arange(slices * rows * columns, dtype=np.int16).reshape(slices, rows, columns)


def oblique_affine() -> np.ndarray:
    """Turned by 25 degrees about the body's axis, anisotropic (0.5, 0.7, 3 mm), off the origin; LPS."""
    angle = np.deg2rad(25)
    affine = np.eye(4)
    affine[:3, :3] = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    affine[:3, :3] *= (0.5, 0.7, 3.0)
    affine[:3, 3] = (10, -20, 30)
    return affine


def write_volume(path: Path, voxels: np.ndarray, affine: np.ndarray, is_vector: bool = False) -> Path:
    """Write (k, j, i[, c]) with SimpleITK in the format of the suffix."""
    pixels = sitk.GetImageFromArray(voxels, isVector=is_vector)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    pixels.SetSpacing(spacing.tolist())
    pixels.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    pixels.SetOrigin(affine[:3, 3].tolist())
    sitk.WriteImage(pixels, str(path))
    return path


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    """Write (rows, columns) or (rows, columns, channels) as the picture that the suffix names."""
    sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=pixels.ndim == 3), str(path))
    return path


def write_series(
    folder: Path,
    voxels: np.ndarray,
    affine: np.ndarray,
    *,
    uid: str = "1.2.826.0.1",
    description: str = "T1 after contrast",
    order: Sequence[int] | None = None,
    positions: np.ndarray | None = None,
    oriented: bool = True,
) -> Path:
    """Write slices (k, j, i) as DICOM files, named and numbered in ``order``.

    ``positions`` (k, 3) default to those of the affine; not ``oriented`` makes ultrasound pictures without any.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / spacing
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for number, k in enumerate(order if order is not None else range(len(voxels)), start=1):
        position = (affine @ [0, 0, k, 1])[:3] if positions is None else positions[k]
        pixels = sitk.GetImageFromArray(voxels[k : k + 1])
        pixels.SetSpacing(spacing.tolist())
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.4" if oriented else "1.2.840.10008.5.1.4.1.1.6.1",
            "0008|0018": f"{uid}.{number}",
            "0008|0060": "MR" if oriented else "US",
            "0008|103e": description,
            "0020|000d": "1.2.826.0",
            "0020|000e": uid,
            "0020|0013": str(number),
        }
        if oriented:
            pixels.SetOrigin(position.tolist())
            pixels.SetDirection(directions.ravel().tolist())
            tags["0020|0032"] = "\\".join(f"{value:.10g}" for value in position)
            tags["0020|0037"] = "\\".join(f"{value:.10g}" for value in directions[:, :2].T.ravel())
        for tag, value in tags.items():
            pixels.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"IM{number:04d}.dcm"))
        writer.Execute(pixels)
    return folder


def truncate(path: Path, share: float) -> Path:
    """Cut a file to a share of its length."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def blocks(slices: int = 5, rows: int = 18, columns: int = 22) -> np.ndarray:
    """(slices, rows, columns) uint8: some bright voxels in no symmetric order, each slice another."""
    voxels = np.zeros((slices, rows, columns), np.uint8)
    for k in range(slices):
        voxels[k, 2 + k % 3 : 7 + k % 3, 3 : 9 + k % 5] = 255
        voxels[k, 12, 15 + k % 4] = 255
    return voxels
