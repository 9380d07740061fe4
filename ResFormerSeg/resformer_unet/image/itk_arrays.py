"""The voxels and the geometry of SimpleITK images in NumPy."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk


class _Pixels:
    """The pixels of a SimpleITK image for ``np.asarray``; the array, and each view of it, keeps the image alive.

    ``GetArrayViewFromImage`` alone would dangle once the image is gone, and a copy takes a volume's memory twice.
    """

    def __init__(self, pixels: sitk.Image) -> None:
        self._pixels = pixels
        self.__array_interface__ = sitk.GetArrayViewFromImage(pixels).__array_interface__


def array_of(pixels: sitk.Image) -> np.ndarray:
    """(k, j, i, c), read-only."""
    array = np.asarray(_Pixels(pixels))
    if pixels.GetNumberOfComponentsPerPixel() == 1:
        array = array[..., None]
    return array if array.ndim == 4 else array[None]


def affine_of(pixels: sitk.Image) -> np.ndarray:
    """(4, 4): (column, row, slice, 1) to LPS millimetres."""
    dimension = pixels.GetDimension()
    affine = np.eye(4)
    affine[:dimension, :dimension] = np.reshape(pixels.GetDirection(), (dimension, dimension)) * pixels.GetSpacing()
    affine[:dimension, 3] = pixels.GetOrigin()
    return affine
