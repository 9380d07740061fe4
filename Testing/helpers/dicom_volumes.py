"""Volumes in the scene as Slicer's DICOM module loads them from its database."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer
import vtk

from helpers import dicom_studies as studies


def loadSeries(database, folder: Path, name: str, voxels: np.ndarray, affine: np.ndarray, series: str = studies.SERIES):
    """Writes a series, indexes its files where they lie, and loads it; affine: from IJK to LPS."""
    studies.write_series(folder, voxels, affine, patient="Müller^Jürgen", series=series)
    known = set(database.files)
    for file in sorted(folder.iterdir()):
        database.addFile(file, copy=False)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, voxels)
    matrix = vtk.vtkMatrix4x4()
    for row in range(4):
        for column in range(4):
            matrix.SetElement(row, column, affine[row, column] * (-1 if row < 2 else 1))
    node.SetIJKToRASMatrix(matrix)
    node.SetAttribute("DICOM.instanceUIDs", " ".join(uid for uid in database.files if uid not in known))
    return node
