"""The user's choices in the panel, and the last result: saved and restored with the scene.

Annotations are evaluated by the wrapper, so this file does without `from __future__ import annotations`.
"""

from typing import Annotated

import slicer
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

# Minimum area of a segmented region, in mm²: below zero stands for the model's default.
AREA_OF_THE_MODEL = -5.0
TO_THE_END = -1


# The parameters that are nodes.
NODES = (
    "inputVolume", "otherVolume", "outputSegmentation", "resultSegmentation", "resultTable", "resultVolume",
    "resultFrames", "bodyVolume",
)  # fmt: skip


@parameterNodeWrapper
class ResFormerSegParameterNode:
    """The choices of the panel.

    otherVolume: the other cardiac phase, for models that diagnose a patient from two volumes; unused by others.
    modelReference: id of a bundled model or the folder of one's own; empty until one is selected. modelChosen: whether
    the user selected it; the panel then keeps it when another volume is selected. outputSegmentation: None creates a
    new one. sliceAxis: "axial", "coronal", "sagittal", or empty for the model's default. sliceSelection: "all", "range"
    or "current"; firstSlice and lastSlice count along the slice axis, from 0, both included; a lastSlice of TO_THE_END
    stands for the last slice of the volume. frames: "this" or "all", for a volume that is shown from a sequence.
    resultSegmentation, resultTable, resultVolume: shown in the panel; resultFrames instead: the table of a sequence.
    heightCm, weightKg: of the patient that bodyVolume shows, and of no other; 0 while unknown.
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
    frames: str = "this"
    smoothingMm: Annotated[float, WithinRange(0.0, 10.0)] = 0.0
    minimumAreaMm2: Annotated[float, WithinRange(AREA_OF_THE_MODEL, 1000.0)] = AREA_OF_THE_MODEL
    probabilityMaps: bool = False
    resultSegmentation: slicer.vtkMRMLSegmentationNode
    resultTable: slicer.vtkMRMLTableNode
    resultVolume: slicer.vtkMRMLScalarVolumeNode
    resultFrames: slicer.vtkMRMLTableNode
    bodyVolume: slicer.vtkMRMLScalarVolumeNode
    heightCm: Annotated[float, WithinRange(0.0, 250.0)] = 0.0
    weightKg: Annotated[float, WithinRange(0.0, 400.0)] = 0.0


def forgetNode(parameterNode: ResFormerSegParameterNode, node) -> None:
    """For a node that is about to leave the scene: parameters that refer to it become None."""
    with slicer.util.NodeModify(parameterNode.parameterNode):
        for name in NODES:
            if getattr(parameterNode, name) is node:
                setattr(parameterNode, name, None)


_wrappers: list[ResFormerSegParameterNode] = []


def wrapperOf(node) -> ResFormerSegParameterNode:
    """The wrapper of a parameter node: a single one for as long as the node is in the scene.

    Two wrappers of one node react to every change of each other, value by value; when a closing scene empties the node,
    enough of them end in a stack overflow. And a wrapper that is released while its node lives leaves dangling
    observers behind: the node's next change crashes the application.
    """
    _wrappers[:] = [wrapper for wrapper in _wrappers if wrapper.parameterNode.GetScene() is not None]
    for wrapper in _wrappers:
        if wrapper.parameterNode is node:
            return wrapper
    _wrappers.append(ResFormerSegParameterNode(node))
    return _wrappers[-1]


def replaceNode(node) -> None:
    """Puts a copy in the place of the parameter node, so that the node is released together with its wrapper.

    For reloading this file: the wrapper of the old class must not outlive it, nor be released before its node.
    """
    copy = node.CreateNodeInstance()
    copy.UnRegister(None)
    copy.Copy(node)
    slicer.mrmlScene.RemoveNode(node)
    slicer.mrmlScene.AddNode(copy)
