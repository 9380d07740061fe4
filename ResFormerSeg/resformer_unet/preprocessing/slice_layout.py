"""Which slices of a volume the network is given, and in which orientation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage

# LPS axis (0 = left, 1 = posterior, 2 = superior) of a plane's normal, and the direction that rows and columns take
# on a radiologist's screen as (LPS axis, sign).
_NORMAL = {"axial": 2, "coronal": 1, "sagittal": 0}
_ROWS = {"axial": (1, +1), "coronal": (2, -1), "sagittal": (2, -1)}
_COLUMNS = {"axial": (0, +1), "coronal": (0, +1), "sagittal": (1, +1)}
_ARRAY_AXES = {"axis0": 0, "axis1": 1, "axis2": 2}

_RIGHT_ANGLE = 1e-3  # cosine below which an angle counts as a right one
_THICK = 1.2  # slices are acquired along the axis whose spacing exceeds the others by this factor


@dataclass(frozen=True)
class SliceLayout:
    """How a volume (slices, rows, columns[, channels]) is sliced and oriented for the network; exactly invertible.

    Attributes:
        axis: array axis that the slices are taken along.
        transpose: rows and columns are exchanged...
        flip_rows, flip_columns: ...and then reversed.
        plane: "axial", "coronal", "sagittal", or "picture" when the image has no orientation.
    """

    axis: int
    transpose: bool
    flip_rows: bool
    flip_columns: bool
    plane: str

    def stack(self, voxels: np.ndarray) -> np.ndarray:
        """View of (k, j, i[, c]) as (n, rows, columns[, c]): slice by slice in the network's orientation."""
        slices = np.moveaxis(voxels, self.axis, 0)
        if self.transpose:
            slices = slices.swapaxes(1, 2)
        return self._flip(slices)

    def unstack(self, slices: np.ndarray) -> np.ndarray:
        """Inverse of :meth:`stack`: view of (n, rows, columns[, c]) on the image's own grid (k, j, i[, c])."""
        slices = self._flip(slices)
        if self.transpose:
            slices = slices.swapaxes(1, 2)
        return np.moveaxis(slices, 0, self.axis)

    def voxel_of(self, index: int, row: int, column: int, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """(column i, row j, slice k) on the grid of an image of ``shape``, of a pixel of :meth:`stack`."""
        row_axis, column_axis = self._plane_axes()
        place = [0, 0, 0]
        place[self.axis] = index
        place[row_axis] = shape[row_axis] - 1 - row if self.flip_rows else row
        place[column_axis] = shape[column_axis] - 1 - column if self.flip_columns else column
        return place[2], place[1], place[0]

    def spacing(self, image: MedicalImage) -> tuple[float, float, float]:
        """Distance in millimetres between rows, between columns and between slices."""
        row_axis, column_axis = self._plane_axes()
        by_array_axis = image.spacing[::-1]
        return tuple(float(by_array_axis[axis]) for axis in (row_axis, column_axis, self.axis))

    def cosine(self, image: MedicalImage) -> float:
        """Of the angle between the directions of rows and columns: 0 but in planes along the tilt of a sheared grid."""
        return self.cosine_of(image.affine)

    def cosine_of(self, affine: np.ndarray) -> float:
        """The same on the grid of an affine (4, 4), from (column, row, slice) to millimetres."""
        rows, columns = (affine[:3, 2 - axis] for axis in self._plane_axes())
        if self.flip_rows != self.flip_columns:
            columns = -columns
        cosine = float(rows @ columns / (np.linalg.norm(rows) * np.linalg.norm(columns)))
        return cosine if abs(cosine) > _RIGHT_ANGLE else 0.0

    def pixel_mm2(self, image: MedicalImage) -> float:
        """The area of a pixel in square millimetres."""
        row_mm, column_mm, _ = self.spacing(image)
        return parallelogram_mm2(row_mm, column_mm, self.cosine(image))

    def _flip(self, slices: np.ndarray) -> np.ndarray:
        return slices[:, :: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]

    def _plane_axes(self) -> list[int]:
        axes = [axis for axis in range(3) if axis != self.axis]
        return axes[::-1] if self.transpose else axes


def choose_layout(
    image: MedicalImage, slice_axis: str, orientation: Mapping[str, str], override: str | None = None
) -> SliceLayout:
    """Choose the slices of an image and their in-plane orientation for a model.

    Args:
        image: the image; one without orientation (a picture) always keeps its stored slices.
        slice_axis: "acquisition" (the axis of the clearly largest spacing or of length one, else as stored), "axial",
            "coronal" or "sagittal" (the array axis nearest to that anatomical normal), "stored", or "axis0", "axis1",
            "axis2": that array axis, as a report names it. (The plane in a report does not identify the axis of an
            oblique grid: two axes may be nearest to one normal.)
        orientation: of the model descriptor: ``{"volume": "radiological"|"stored", "picture": "stored"|"transposed"}``.
            Radiological: axial slices run to posterior and left, coronal ones to inferior and left, sagittal ones to
            inferior and posterior (rows first; nearest axes when oblique).
        override: the user's choice instead of ``slice_axis``.

    Raises:
        EngineError: SLICE_AXIS_UNKNOWN.
    """
    slice_axis = override or slice_axis
    if slice_axis not in ("acquisition", "stored", *_NORMAL, *_ARRAY_AXES):
        raise EngineError(
            "SLICE_AXIS_UNKNOWN",
            f"Slices cannot be taken along “{slice_axis}”.",
            "Choose acquisition, axial, coronal, sagittal or stored.",
        )
    if not image.has_orientation:
        return SliceLayout(0, orientation["picture"] == "transposed", False, False, "picture")

    if slice_axis == "acquisition":
        axis = _acquisition_axis(image)
    elif slice_axis == "stored":
        axis = 0
    elif slice_axis in _ARRAY_AXES:
        axis = _ARRAY_AXES[slice_axis]
    else:
        axis = 2 - int(np.argmax(np.abs(_normals(image)[_NORMAL[slice_axis]])))
    nearest = int(np.argmax(np.abs(_normals(image)[:, 2 - axis])))
    plane = next(name for name, lps_axis in _NORMAL.items() if lps_axis == nearest)
    if orientation["volume"] == "stored":
        return SliceLayout(axis, False, False, False, plane)
    return SliceLayout(axis, *_radiological(image, axis, plane), plane)


def _acquisition_axis(image: MedicalImage) -> int:
    if 1 in image.shape:
        return image.shape.index(1)
    spacing = image.spacing[::-1]
    axis = int(np.argmax(spacing))
    return axis if spacing[axis] > _THICK * np.delete(spacing, axis).max() else 0


def _radiological(image: MedicalImage, axis: int, plane: str) -> tuple[bool, bool, bool]:
    """(transpose, flip_rows, flip_columns) that bring slices along an array axis to a radiologist's view."""
    row_column = [2 - array_axis for array_axis in range(3) if array_axis != axis]
    directions = (image.affine[:3, :3] / image.spacing)[:, row_column]  # of the stored rows, of the stored columns
    (row_lps, row_sign), (column_lps, column_sign) = _ROWS[plane], _COLUMNS[plane]
    wanted = np.stack([row_sign * directions[row_lps], column_sign * directions[column_lps]])
    transpose = bool(abs(wanted[0, 0]) + abs(wanted[1, 1]) < abs(wanted[0, 1]) + abs(wanted[1, 0]))
    rows, columns = wanted[:, ::-1].diagonal() if transpose else wanted.diagonal()
    return transpose, bool(rows < 0), bool(columns < 0)


def _normals(image: MedicalImage) -> np.ndarray:
    """(LPS axis, affine column) unit normals of the slices along each axis (also right when the grid is sheared)."""
    normals = np.linalg.inv(image.affine[:3, :3]).T
    return normals / np.linalg.norm(normals, axis=0)


def parallelogram_mm2(row_mm: float, column_mm: float, cosine: float) -> float:
    """The area of a pixel whose sides enclose an angle of this cosine."""
    return row_mm * column_mm * (1 - cosine**2) ** 0.5
