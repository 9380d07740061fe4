"""The geometry that NIfTI files state, as far as ITK changes it or keeps silent about it."""

from __future__ import annotations

import itertools

import numpy as np
import SimpleITK as sitk

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_UNITS_IN_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # of xyzt_units: metre, millimetre, micron
_APART = 0.5  # voxels by which the two geometries of a file may differ without a warning


def uncorrected_affine(reader: sitk.ImageFileReader) -> np.ndarray | None:
    """The affine that a NIfTI file states, where ITK made its directions orthonormal.

    Args:
        reader: of a file of any format, after ``ReadImageInformation``.

    Returns:
        (4, 4): (column, row, slice, 1) to LPS millimetres; ``None`` if the geometry in SimpleITK is right.
    """
    key = "ITK_sform_corrected"
    if not reader.HasMetaDataKey(key) or reader.GetMetaData(key) != "YES":
        return None
    return _sform(reader)


def geometry_warning(reader: sitk.ImageFileReader, affine: np.ndarray) -> list[dict[str, str]]:
    """Whether qform and sform of a NIfTI file disagree, as rows with ``code`` and ``message``.

    Args:
        reader: of a NIfTI file, after ``ReadImageInformation``.
        affine: (4, 4) to LPS millimetres, as the image is read.
    """
    if not all(reader.HasMetaDataKey(key) for key in ("qform_code", "sform_code", "srow_x", "quatern_b")):
        return []
    if not (int(reader.GetMetaData("qform_code")) > 0 and int(reader.GetMetaData("sform_code")) > 0):
        return []
    stated = {"sform": _sform(reader), "qform": _qform(reader)}
    if any(not np.isfinite(one).all() or np.linalg.det(one[:3, :3]) == 0 for one in stated.values()):
        return []
    size = [int(reader.GetMetaData(f"dim[{axis}]")) for axis in (1, 2, 3)]
    corners = np.array([[*corner, 1] for corner in itertools.product(*((0, length - 1) for length in size))]).T
    apart = np.linalg.norm(((stated["sform"] - stated["qform"]) @ corners)[:3], axis=0).max()
    voxel = np.linalg.norm(stated["sform"][:3, :3], axis=0).min()
    if apart <= _APART * voxel:
        return []
    used = min(stated, key=lambda name: np.abs(stated[name] - affine).max())
    voxels = {
        name: " × ".join(f"{length:.4g}" for length in np.linalg.norm(one[:3, :3], axis=0))
        for name, one in stated.items()
    }
    message = (
        f"The file states two geometries that differ by up to {apart:.4g} mm: sform (voxels of {voxels['sform']} mm) "
        f"and qform (voxels of {voxels['qform']} mm). The {used} was used. If that is the wrong one, sizes and sides "
        "may be wrong."
    )
    return [{"code": "GEOMETRY_AMBIGUOUS", "message": message}]


def _sform(reader: sitk.ImageFileReader) -> np.ndarray:
    rows = [[float(value) for value in reader.GetMetaData(f"srow_{axis}").split()] for axis in "xyz"]
    return _lps_mm(reader, np.array([*rows, [0, 0, 0, 1]]))


def _qform(reader: sitk.ImageFileReader) -> np.ndarray:
    """As the NIfTI-1 standard defines it (method 2)."""
    b, c, d = (float(reader.GetMetaData(f"quatern_{letter}")) for letter in "bcd")
    a = max(0.0, 1 - b * b - c * c - d * d) ** 0.5
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = [float(reader.GetMetaData(f"pixdim[{axis}]")) for axis in (1, 2, 3)]
    steps[2] *= -1 if float(reader.GetMetaData("pixdim[0]")) < 0 else 1
    affine = np.eye(4)
    affine[:3, :3] = turn * steps
    affine[:3, 3] = [float(reader.GetMetaData(f"qoffset_{axis}")) for axis in "xyz"]
    return _lps_mm(reader, affine)


def _lps_mm(reader: sitk.ImageFileReader, affine: np.ndarray) -> np.ndarray:
    scale = _UNITS_IN_MM.get(int(reader.GetMetaData("xyzt_units")) & 7, 1.0)
    return _RAS_TO_LPS @ np.diag([scale, scale, scale, 1.0]) @ affine
