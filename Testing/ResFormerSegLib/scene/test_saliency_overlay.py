"""The saliency overlay, in a real scene and in a real slice view."""

import numpy as np
import pytest
import slicer
import vtk

from helpers.scene_helpers import makeVolume


@pytest.fixture
def composites(scene):
    """Three slice views' layers; the first two show the volume "Brain", the third another one."""
    volume, other = makeVolume(), makeVolume(name="Other")
    nodes = []
    for name, background in (("Red", volume), ("Green", volume), ("Yellow", other)):
        node = scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")
        node.SetLayoutName(name)
        node.SetBackgroundVolumeID(background.GetID())
        nodes.append(node)
    yield volume, other, nodes
    for node in nodes:
        scene.RemoveNode(node)


def saliencyFor(volume):
    """A saliency volume as the logic makes it, with a strong box in the second slice."""
    from ResFormerSegLib.runs.explanation import SALIENCY_ROLE
    from ResFormerSegLib.scene.saliency_overlay import styleSaliencyNode

    values = np.zeros(slicer.util.arrayFromVolume(volume).shape[:3], np.float32)
    values[1, 2:5, 3:6] = 0.8
    node = slicer.util.addVolumeFromArray(values)
    toRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    node.SetIJKToRASMatrix(toRas)
    node.SetNodeReferenceID(SALIENCY_ROLE, volume.GetID())
    node.CreateDefaultDisplayNodes()
    styleSaliencyNode(node, volume, "Glioma")
    return node


def test_the_saliency_is_named_for_the_diagnosis_and_has_a_fixed_scale(scene):
    node = saliencyFor(makeVolume())
    assert node.GetName() == "Brain saliency (Glioma)"
    display = node.GetDisplayNode()
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 1)
    assert display.GetColorNode() is not None and display.GetColorNode().GetName() in ("Inferno", "Iron")


def test_the_overlay_lies_only_over_views_of_the_image(composites):
    from ResFormerSegLib.scene.saliency_overlay import SaliencyOverlay

    volume, _other, (red, green, yellow) = composites
    node = saliencyFor(volume)
    overlay = SaliencyOverlay()
    overlay.show(node, volume, 0.4)
    assert overlay.isShown()
    assert red.GetForegroundVolumeID() == green.GetForegroundVolumeID() == node.GetID()
    assert red.GetForegroundOpacity() == pytest.approx(0.4)
    assert yellow.GetForegroundVolumeID() is None
    overlay.setOpacity(0.9)
    assert green.GetForegroundOpacity() == pytest.approx(0.9)


def test_hiding_gives_back_what_was_in_the_foreground(composites):
    from ResFormerSegLib.scene.saliency_overlay import SaliencyOverlay

    volume, other, (red, green, _yellow) = composites
    red.SetForegroundVolumeID(other.GetID())
    red.SetForegroundOpacity(0.25)
    node = saliencyFor(volume)
    overlay = SaliencyOverlay()
    overlay.show(node, volume)
    overlay.show(node, volume)  # again: what was there before is still known
    green.SetForegroundVolumeID(other.GetID())  # the user's choice meanwhile
    overlay.hide()
    assert red.GetForegroundVolumeID() == other.GetID() and red.GetForegroundOpacity() == pytest.approx(0.25)
    assert green.GetForegroundVolumeID() == other.GetID()
    assert not overlay.isShown()


def test_what_lies_below_the_threshold_is_transparent(bed, scene):
    from ResFormerSegLib.scene.saliency_overlay import SaliencyOverlay, setThreshold
    from slicer_bed.views import SliceView

    volume = makeVolume(shape=(3, 64, 64))
    slicer.util.updateVolumeFromArray(volume, np.full((3, 64, 64), 50, np.int16))
    volume.CreateDefaultDisplayNodes()
    node = saliencyFor(volume)
    values = np.zeros((3, 64, 64), np.float32)
    values[:, 20:40, 20:40] = 0.6
    slicer.util.updateVolumeFromArray(node, values)
    overlay = SaliencyOverlay()
    with SliceView(bed, size=(200, 200)) as view:
        view.show(volume)
        before = view.grab()
        overlay.show(node, volume, 1.0)
        setThreshold(node, 0.3)
        shown = view.grab()
        coloured = (shown != before).any(2)
        assert 0.05 < coloured.mean() < 0.5
        setThreshold(node, 0.7)
        assert (view.grab() == before).all()
        overlay.hide()
