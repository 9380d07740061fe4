"""Segmentation files as 3D Slicer and other programs save them: with fields on their segments, or with some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

FIELDS = ("ID", "Name", "Layer", "LabelValue")


def write_named(
    path: Path, voxels: np.ndarray, segments: Sequence[tuple], like: Path | None = None, without: Sequence[str] = ()
) -> Path:
    """Write (slices, rows, columns[, layers]).

    Args:
        segments: (id, name, layer, value) each.
        like: a file whose geometry it has.
        without: fields that are left out, of :data:`FIELDS`.
    """
    image = sitk.GetImageFromArray(voxels, isVector=voxels.ndim == 4)
    if like is not None:
        image.CopyInformation(sitk.ReadImage(str(like)))
    for index, segment in enumerate(segments):
        for field, value in zip(FIELDS, segment, strict=True):
            if field not in without:
                image.SetMetaData(f"Segment{index}_{field}", str(value))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=True)
    return path


def rewrite(path: Path, change=lambda voxels: voxels, fields=lambda fields: fields) -> Path:
    """Save a segmentation again, with other voxels or fields: ``fields`` is given and returns a dict of strings."""
    read = sitk.ReadImage(str(path))
    several = read.GetNumberOfComponentsPerPixel() > 1
    image = sitk.GetImageFromArray(change(sitk.GetArrayFromImage(read)), isVector=several)
    image.CopyInformation(read)
    found: Mapping[str, str] = {key: read.GetMetaData(key) for key in read.GetMetaDataKeys() if "Segment" in key}
    for key, value in fields(dict(found)).items():
        image.SetMetaData(key, value)
    sitk.WriteImage(image, str(path), useCompression=True)
    return path
