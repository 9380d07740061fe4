"""Sequences as files: 4D NIfTI, ultrasound cines, cine MR series; and a heart that beats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from helpers.tiny_heart import heart_report

ULTRASOUND_CINE = "1.2.840.10008.5.1.4.1.1.3.1"


def write_nifti(path: Path, frames: np.ndarray, affine: np.ndarray, step_s: float = 0.04) -> Path:
    """4D NIfTI of frames (t, k, j, i)."""
    volumes = []
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    for voxels in frames:
        volume = sitk.GetImageFromArray(voxels)
        volume.SetSpacing(spacing.tolist())
        volume.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
        volume.SetOrigin(affine[:3, 3].tolist())
        volumes.append(volume)
    joined = sitk.JoinSeries(volumes)
    joined.SetSpacing([*joined.GetSpacing()[:3], step_s])
    sitk.WriteImage(joined, str(path))
    return path


def write_ultrasound(path: Path, pixels: np.ndarray, edit: Callable = lambda data: None) -> Path:
    """A multi-frame ultrasound file of uint8 (t, j, i) or (t, j, i, 3), 40 ms a frame."""
    from helpers import dicom_files

    data = dicom_files._header(ULTRASOUND_CINE, "1.2.3.7")
    data.Modality = "US"
    data.SamplesPerPixel = 3 if pixels.ndim == 4 else 1
    data.PhotometricInterpretation = "RGB" if pixels.ndim == 4 else "MONOCHROME2"
    if pixels.ndim == 4:
        data.PlanarConfiguration = 0
    data.NumberOfFrames, data.Rows, data.Columns = pixels.shape[:3]
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.FrameTime = "40"
    data.PixelData = pixels.tobytes() + b"\0" * (pixels.size % 2)
    edit(data)
    data.save_as(path, enforce_file_format=True)
    return path


def beat(frames: int = 20, largest: float = 24.0, smallest: float = 17.0, systole: float = 0.38) -> np.ndarray:
    """(frames,) radius of a left ventricle in mm over one cardiac cycle that begins with end-diastole."""
    phase = np.arange(frames) / frames
    share = np.where(
        phase < systole,
        0.5 - 0.5 * np.cos(math.pi * phase / systole),
        0.5 + 0.5 * np.cos(math.pi * (phase - systole) / (1 - systole)),
    )
    return largest - (largest - smallest) * share


def heart_reports(radii: Sequence[float], sha256: str = "a" * 64, slices: int = 8) -> list[dict]:
    """The reports of a beating heart's frames; its myocardium keeps its volume."""
    muscle = (radii[0] + 9) ** 2 - radii[0] ** 2
    return [
        heart_report(f"cine, frame {number}", radius, math.sqrt(radius**2 + muscle) - radius, slices=slices,
                     right=30 * radius, sha256=sha256)
        for number, radius in enumerate(radii)
    ]  # fmt: skip
