"""What the user chose in the panel, and the last result: saved with the scene and restored with it.

Annotations are evaluated by the wrapper, so this file does without `from __future__ import annotations`.
"""

from typing import Annotated

import slicer
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

# The least area of an outlined region, in mm²: below zero stands for "as the model's description says".
AREA_OF_THE_MODEL = -5.0
TO_THE_END = -1


# The choices that are nodes.
NODES = ("inputVolume", "otherVolume", "outputSegmentation", "resultSegmentation", "resultTable", "resultVolume")


@parameterNodeWrapper
class ResFormerSegParameterNode:
    """The choices of the panel.

    otherVolume: the heart's other phase, for models that diagnose a patient from two volumes; others leave it alone.
    modelReference: id of a bundled model or the folder of one's own; empty until one is chosen. modelChosen: whether
    the user chose it; the panel then leaves it alone when another volume is selected. outputSegmentation: None makes
    a new one. sliceAxis: "axial", "coronal", "sagittal", or empty for the model's. sliceSelection: "all", "range" or
    "current"; firstSlice and lastSlice count along the axis that is cut, from 0, both included; a lastSlice of
    TO_THE_END stands for whatever the last one is. resultSegmentation, resultTable, resultVolume: what the panel shows.
    """

    inputVolume: slicer.vtkMRMLScalarVolumeNode
    otherVolume: slicer.vtkMRMLScalarVolumeNode
    modelReference: str = ""
    modelChosen: bool = False
    outputSegmentation: slicer.vtkMRMLSegmentationNode
    device: str = "auto"
    sliceAxis: str = ""
    sliceSelection: str = "all"
    firstSlice: int = 0
    lastSlice: int = TO_THE_END
    smoothingMm: Annotated[float, WithinRange(0.0, 10.0)] = 0.0
    minimumAreaMm2: Annotated[float, WithinRange(AREA_OF_THE_MODEL, 1000.0)] = AREA_OF_THE_MODEL
    probabilityMaps: bool = False
    resultSegmentation: slicer.vtkMRMLSegmentationNode
    resultTable: slicer.vtkMRMLTableNode
    resultVolume: slicer.vtkMRMLScalarVolumeNode


def forgetNode(parameterNode: ResFormerSegParameterNode, node) -> None:
    """For a node that is about to leave the scene: every choice of it becomes none."""
    with slicer.util.NodeModify(parameterNode.parameterNode):
        for name in NODES:
            if getattr(parameterNode, name) is node:
                setattr(parameterNode, name, None)


_wrappers: list[ResFormerSegParameterNode] = []


def wrapperOf(node) -> ResFormerSegParameterNode:
    """The wrapper of a parameter node: one for as long as the node is in the scene, also when the module is reloaded.

    Two wrappers of one node answer every change of each other, value by value; when a closing scene empties the node,
    enough of them end in a stack overflow. And one that is let go while its node lives leaves observers behind that
    Python has taken apart: the node's next change crashes the application.
    """
    _wrappers[:] = [wrapper for wrapper in _wrappers if wrapper.parameterNode.GetScene() is not None]
    for wrapper in _wrappers:
        if wrapper.parameterNode is node:
            return wrapper
    _wrappers.append(ResFormerSegParameterNode(node))
    return _wrappers[-1]
