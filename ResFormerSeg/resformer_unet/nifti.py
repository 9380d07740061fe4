"""NIfTI volumes whose directions are not exactly at right angles, which SimpleITK by itself refuses."""

from __future__ import annotations

import os

import numpy as np
import SimpleITK as sitk

# Programs that register images leave the last digits of an sform askew. With this, ITK reads such a file (with the
# nearest right angles) instead of refusing it.
os.environ.setdefault("ITK_NIFTI_SFORM_PERMISSIVE", "1")

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def uncorrected_affine(reader: sitk.ImageFileReader) -> np.ndarray | None:
    """The affine that the file states, where ITK corrected it to right angles.

    Args:
        reader: of a file of any format, after ``ReadImageInformation``.

    Returns:
        (4, 4): (column, row, slice, 1) to LPS millimetres; ``None`` if what SimpleITK says of the geometry is right.
    """
    key = "ITK_sform_corrected"
    if not reader.HasMetaDataKey(key) or reader.GetMetaData(key) != "YES":
        return None
    rows = [[float(value) for value in reader.GetMetaData(f"srow_{axis}").split()] for axis in "xyz"]
    return _RAS_TO_LPS @ np.array([*rows, [0, 0, 0, 1]])
