"""Slice views without windows, with real view nodes and logics, and results over them."""

import numpy as np
import pytest
import slicer

from helpers.section_helpers import makeResult


@pytest.fixture
def views(bed, scene):
    """Three slice views by name: nodes and logics, without windows."""
    logics = []
    for name in ("Red", "Green", "Yellow"):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(bed.applicationLogic)
        bed.applicationLogic.GetSliceLogics().AddItem(logic)
        logic.SetMRMLScene(scene)
        logic.AddSliceNode(name).SetOrientation("Axial")
        logics.append(logic)
    yield {logic.GetSliceNode().GetName(): logic for logic in logics}
    for logic in logics:
        bed.applicationLogic.GetSliceLogics().RemoveItem(logic)
        logic.SetMRMLScene(None)


@pytest.fixture
def watch(views):
    from ResFormerSegLib.scene.result_visibility import OwnImageOnly

    made = OwnImageOnly()
    yield made
    made.cleanup()


def resultOf(volume):
    """A visible result of the volume, as a run leaves it."""
    from ResFormerSegLib.scene.shown_frame import shownFrame

    node = makeResult(volume, np.s_[1:2, 1:4, 1:4]).segmentationNode
    node.SetAttribute("ResFormerSeg.Report", f'{{"id": "{node.GetID()}"}}')
    node.SetAttribute("ResFormerSeg.Frame", shownFrame(volume))
    node.SetNodeReferenceID("ResFormerSeg.Volume", volume.GetID())
    return node


def load(volume, *names) -> None:
    """What the application does with an image that is loaded: the views show it."""
    for logic in slicer.app.applicationLogic().GetSliceLogics():
        if not names or logic.GetSliceNode().GetName() in names:
            logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())


def isSeen(node, view="Red") -> bool:
    """As the application decides it for a slice view."""
    display = node.GetDisplayNode()
    viewNode = next(found for found in slicer.util.getNodesByClass("vtkMRMLSliceNode") if found.GetName() == view)
    return bool(display.GetVisibility(viewNode.GetID()))
