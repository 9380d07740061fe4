"""One image in every form in which the application may hold it: picture or slice, each order and direction of axes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import slicer

RAS_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
ORDERS = list(itertools.permutations(range(3)))
DIRECTIONS = list(itertools.product((1, -1), repeat=3))


@dataclass(frozen=True)
class Stored:
    """How a volume's axes are stored: `order` of its (slices, rows, columns), `directions` by 1 and -1."""

    order: tuple[int, int, int] = (0, 1, 2)
    directions: tuple[int, int, int] = (1, 1, 1)

    def store(self, voxels: np.ndarray) -> np.ndarray:
        """voxels: (slices, rows, columns[, channels])."""
        flipped = voxels[tuple(slice(None, None, step) for step in self.directions)]
        return np.ascontiguousarray(flipped.transpose(*self.order, *range(3, voxels.ndim)))

    def restore(self, stored: np.ndarray) -> np.ndarray:
        return stored.transpose(np.argsort(self.order))[tuple(slice(None, None, step) for step in self.directions)]

    def affine(self, affine: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """That of the stored voxels. affine: takes (column, row, slice, 1) of voxels of this shape to a place."""
        toVoxels = np.zeros((4, 4))  # from a stored (i, j, k, 1) to the (column, row, slice, 1) before
        toVoxels[3, 3] = 1
        for storedAxis, axis in enumerate(self.order):
            toVoxels[2 - axis, 2 - storedAxis] = self.directions[axis]
        for axis, step in enumerate(self.directions):
            toVoxels[2 - axis, 3] = shape[axis] - 1 if step < 0 else 0
        return affine @ toVoxels

    def __str__(self) -> str:
        return "".join("kji"[axis] + ("-" if self.directions[axis] < 0 else "") for axis in self.order)


def addVolume(voxels: np.ndarray, affine: np.ndarray, name: str = "Image", file: str = ""):
    """A volume node. affine: (column, row, slice, 1) to LPS mm. file: that it seems to have been loaded from."""
    className = "vtkMRMLVectorVolumeNode" if voxels.ndim == 4 else "vtkMRMLScalarVolumeNode"
    node = slicer.mrmlScene.AddNewNodeByClass(className, name)
    slicer.util.updateVolumeFromArray(node, voxels)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(RAS_LPS @ affine))
    if file:
        storage = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
        storage.SetFileName(file)
        node.SetAndObserveStorageNodeID(storage.GetID())
    return node


def addPicture(pixels: np.ndarray, name: str = "Picture"):
    """As the application loads a PNG file: pixels of 1 mm, to the left and the back from the origin."""
    return addVolume(pixels, np.eye(4), name, file=f"{name}.png")


def affineOf(volumeNode) -> np.ndarray:
    """(i, j, k, 1) to LPS mm."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return RAS_LPS @ slicer.util.arrayFromVTKMatrix(matrix)
