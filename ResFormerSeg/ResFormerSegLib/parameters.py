"""What the user chose in the panel, and the last result: saved with the scene and restored with it.

Annotations are evaluated by the wrapper, so this file does without `from __future__ import annotations`.
"""

from typing import Annotated

import slicer
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

# The least area of an outlined region, in mm²: below zero stands for "as the model's description says".
AREA_OF_THE_MODEL = -5.0


@parameterNodeWrapper
class ResFormerSegParameterNode:
    """The choices of the panel.

    modelReference: id of a bundled model or the folder of one's own; empty until one is chosen. modelChosen: whether
    the user chose it; the panel then leaves it alone when another volume is selected. outputSegmentation: None makes
    a new one. sliceAxis: "axial", "coronal", "sagittal", or empty for the model's. sliceSelection: "all", "range" or
    "current"; firstSlice and lastSlice count along the axis that is cut, from 0, both included. resultSegmentation,
    resultTable, resultVolume: what the panel shows.
    """

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    modelReference: str = ""
    modelChosen: bool = False
    outputSegmentation: slicer.vtkMRMLSegmentationNode
    device: str = "auto"
    sliceAxis: str = ""
    sliceSelection: str = "all"
    firstSlice: int = 0
    lastSlice: int = 0
    smoothingMm: Annotated[float, WithinRange(0.0, 10.0)] = 0.0
    minimumAreaMm2: Annotated[float, WithinRange(AREA_OF_THE_MODEL, 1000.0)] = AREA_OF_THE_MODEL
    probabilityMaps: bool = False
    resultSegmentation: slicer.vtkMRMLSegmentationNode
    resultTable: slicer.vtkMRMLTableNode
    resultVolume: slicer.vtkMRMLScalarVolumeNode
