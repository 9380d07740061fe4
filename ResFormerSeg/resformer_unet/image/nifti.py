"""The geometry that NIfTI files state, as far as ITK changes it or keeps silent about it."""

from __future__ import annotations

import gzip
import itertools
import re
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from resformer_unet.image.stated_geometry import orientation_unknown, size_unknown

_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_UNITS_IN_MM = {1: 1000.0, 2: 1.0, 3: 0.001}  # of xyzt_units: metre, millimetre, micron
_UNITS_IN_S = {8: 1.0, 16: 1e-3, 24: 1e-6}  # of xyzt_units: second, millisecond, microsecond
_GZIP = b"\x1f\x8b"
_PLACES = {  # of fields of the header: type and first byte
    "sizeof_hdr": ("i4", 0), "dim": ("8i2", 40), "datatype": ("i2", 70), "pixdim": ("8f4", 76),
    "vox_offset": ("f4", 108), "scl_slope": ("f4", 112), "scl_inter": ("f4", 116), "xyzt_units": ("u1", 123),
    "toffset": ("f4", 136),
    "qform_code": ("i2", 252), "sform_code": ("i2", 254), "quatern": ("3f4", 256), "qoffset": ("3f4", 268),
    "srow": ("(3,4)f4", 280), "magic": ("S4", 344),
}  # fmt: skip
_FORMATS, _OFFSETS = zip(*_PLACES.values(), strict=True)
_FIELDS = np.dtype({"names": list(_PLACES), "formats": _FORMATS, "offsets": _OFFSETS, "itemsize": 348})
_VOXELS = re.compile(r"\.(img)(\.gz)?$", re.IGNORECASE)
_OF_A_PAIR = re.compile(r"\.(hdr|img|nii)(\.gz)?$", re.IGNORECASE)
_SAME = 1e-3  # share of a voxel by which numbers that mean the same may differ
_APART = 0.5  # voxels by which the two geometries of a file may differ without a warning


def stated_affine(path: Path, reader: sitk.ImageFileReader) -> np.ndarray:
    """The affine that a NIfTI file of at least three dimensions states.

    ITK makes the directions of a sform orthonormal, and takes the sizes of the voxels from pixdim even with a sform,
    which has its own.

    Args:
        path: of a NIfTI-1 file or header.
        reader: of the file, after ``ReadImageInformation``.

    Returns:
        (4, 4): (column, row, slice, 1) to LPS millimetres.
    """
    key = "ITK_sform_corrected"
    if reader.HasMetaDataKey(key) and reader.GetMetaData(key) == "YES":
        return _sform(reader)
    affine, dimension = np.eye(4), reader.GetDimension()
    directions = np.reshape(reader.GetDirection(), (dimension, dimension))[:3, :3]
    affine[:3, :3] = directions * reader.GetSpacing()[:3]
    affine[:3, 3] = reader.GetOrigin()[:3]
    header = nifti_header(path)
    if header is None or header["sform_code"] <= 0:
        return affine
    stated = _stated(header)
    sform, qform = stated["sform"], stated.get("qform")
    if not _is_usable(sform) or not _differ_in_lengths(affine, sform):
        return affine
    return affine if qform is not None and _same(affine, qform) else sform


def _differ_in_lengths(affine: np.ndarray, sform: np.ndarray) -> bool:
    """Whether two affines have the same axes and origin, but voxels of other sizes."""
    sizes, own = (np.linalg.norm(one[:3, :3], axis=0) for one in (affine, sform))
    along = np.abs(np.sum(affine[:3, :3] * sform[:3, :3], axis=0)) / (sizes * own)
    same_place = np.abs(affine[:3, 3] - sform[:3, 3]).max() < _SAME * own.min()
    return bool(same_place and along.min() > 1 - _SAME**2 and not _same(affine, sform))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(one - other).max() < _SAME * np.linalg.norm(other[:3, :3], axis=0).min())


def _is_usable(affine: np.ndarray) -> bool:
    return bool(np.isfinite(affine).all() and np.linalg.det(affine[:3, :3]) != 0)


def _stated(header: np.void) -> dict[str, np.ndarray]:
    """The affines that a header declares valid, (4, 4) to LPS millimetres, which need not be usable."""
    found = {}
    if header["sform_code"] > 0:
        found["sform"] = _in_lps_mm(header, np.vstack([header["srow"], [0, 0, 0, 1]]))
    if header["qform_code"] > 0:
        found["qform"] = _qform(header)
    return found


def geometry_warning(path: Path, affine: np.ndarray) -> list[dict[str, str]]:
    """What is doubtful about the geometry of a NIfTI file, as rows with ``code`` and ``message``.

    Its qform and its sform disagree, it has neither, or it states no sizes of voxels, or two.

    Args:
        path: of a NIfTI-1 file or header; its own bytes count, for SimpleITK passes not all of them on.
        affine: (4, 4) to LPS millimetres, as the image is read.
    """
    header = nifti_header(path)
    stated = {} if header is None else _stated(header)
    if len(stated) < 2:
        unknown = [] if stated else [orientation_unknown()]
        return [*unknown, *_size_warning(header, affine)]
    if not all(map(_is_usable, stated.values())):
        return []
    size = header["dim"][1:4].tolist()
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


def _size_warning(header: np.void | None, affine: np.ndarray) -> list[dict[str, str]]:
    """Of a file with one geometry at most: whether it states no sizes, or others than its sform has."""
    if header is None:
        return []
    if not _states_sizes(header):
        return [size_unknown()]
    sizes = np.abs(header["pixdim"][1:4]) * _UNITS_IN_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    own = np.linalg.norm(affine[:3, :3], axis=0)
    apart = (np.abs(sizes - own) * (header["dim"][1:4] - 1)).max()
    if header["sform_code"] <= 0 or not sizes.all() or apart <= _APART * own.min():
        return []
    shown = [" × ".join(f"{length:.4g}" for length in lengths) for lengths in (own, sizes)]
    message = (
        f"The file states two sizes of its voxels: {shown[0]} mm by its sform, which was used, and {shown[1]} mm by "
        "pixdim, which other programs may use. If the sform is wrong, so are sizes in millimetres."
    )
    return [{"code": "GEOMETRY_AMBIGUOUS", "message": message}]


def states_sizes(path: Path) -> bool:
    """Whether a NIfTI file, or one of its predecessor Analyze, states the sizes of its voxels; ITK takes 1 for none."""
    header = nifti_header(path)
    return header is None or _states_sizes(header)


def _states_sizes(header: np.void) -> bool:
    if header["sform_code"] > 0:
        return True
    sizes = header["pixdim"][1:4]
    return bool((np.isfinite(sizes) & (sizes != 0)).all())


def _sform(reader: sitk.ImageFileReader) -> np.ndarray:
    rows = [[float(value) for value in reader.GetMetaData(f"srow_{axis}").split()] for axis in "xyz"]
    header = {"xyzt_units": int(reader.GetMetaData("xyzt_units"))}
    return _in_lps_mm(header, np.array([*rows, [0, 0, 0, 1]]))


def scale_of(header: np.void) -> tuple[float, float] | None:
    """Slope and intercept of the stored values; ``None`` where they mean themselves: by the standard where the slope is
    0, whatever the intercept is. What is no number counts as not stated.
    """
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0:
        return None
    intercept = intercept if np.isfinite(intercept) else 0.0
    return None if (slope, intercept) == (1.0, 0.0) else (slope, intercept)


def without_intercept(path: Path, voxels: np.ndarray) -> np.ndarray:
    """Voxels as ITK reads them; it adds an intercept that has no slope, which is taken away again."""
    header = nifti_header(path)
    if header is None or scale_of(header) is not None:
        return voxels
    intercept = float(header["scl_inter"])
    added = np.isfinite(intercept) and float(header["scl_slope"]) != 1
    return voxels - voxels.dtype.type(intercept) if added and intercept else voxels


def frame_times_s(header: np.void) -> tuple[float, ...] | None:
    """Seconds of each frame of a 4D file; ``None`` where no unit of time or no time step is stated."""
    unit, step, first = _UNITS_IN_S.get(int(header["xyzt_units"]) & 0x38), header["pixdim"][4], header["toffset"]
    if unit is None or not np.isfinite(step) or step <= 0:
        return None
    first = float(first) if np.isfinite(first) else 0.0
    return tuple(unit * (first + index * float(step)) for index in range(header["dim"][4]))


def nifti_header(path: Path) -> np.void | None:
    """The fields of a NIfTI-1 header that state its geometry and how its voxels lie; ``None`` if there is no such
    header.

    Args:
        path: of a file with a header; or of the voxels that belong to one (.img), whose header is then beside it.
    """
    header = _header_in(path)
    if header is None and (match := _VOXELS.search(path.name)):
        endings = (".HDR", ".hdr") if match[1].isupper() else (".hdr", ".HDR")
        names = (path.name[: match.start()] + ending for ending in (*endings, *(f"{one}.gz" for one in endings)))
        beside = next((file for name in names if (file := path.with_name(name)).exists()), None)
        return None if beside is None else _header_in(beside)
    return header


def _header_in(path: Path) -> np.void | None:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            data = file.read(_FIELDS.itemsize)
    except (EOFError, OSError, zlib.error):
        return None
    if len(data) < _FIELDS.itemsize:
        return None
    for order in "<>":
        header = np.frombuffer(data, _FIELDS.newbyteorder(order))[0]
        if header["sizeof_hdr"] == _FIELDS.itemsize and header["magic"] in (b"n+1", b"ni1"):
            return header
    return None


def voxel_file(path: Path) -> Path | None:
    """The file with the voxels of a pair (.hdr and .img), compressed or not; ``None`` if there is none.

    It is looked for as the reader behind SimpleITK does.

    Args:
        path: either of the two files.
    """
    stem = _OF_A_PAIR.sub("", path.name)
    endings = [ending for suffix in (".img", ".nii") for ending in (suffix, f"{suffix}.gz")]
    names = [stem + ending for ending in (*endings, *map(str.upper, endings))]
    return next((file for name in names if (file := path.with_name(name)).exists()), None)


def _qform(header: np.void) -> np.ndarray:
    """As the NIfTI-1 standard defines it (method 2)."""
    b, c, d = header["quatern"].astype(float)
    a = max(0.0, 1 - b * b - c * c - d * d) ** 0.5
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = header["pixdim"][1:4] * np.array([1.0, 1.0, -1.0 if header["pixdim"][0] < 0 else 1.0])
    affine = np.eye(4)
    affine[:3, :3] = turn * steps
    affine[:3, 3] = header["qoffset"]
    return _in_lps_mm(header, affine)


def _in_lps_mm(header: Mapping | np.void, affine: np.ndarray) -> np.ndarray:
    """``affine`` (4, 4) as a file states it: to RAS, in the file's own unit."""
    scale = _UNITS_IN_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    return _RAS_TO_LPS @ np.diag([scale, scale, scale, 1.0]) @ affine
