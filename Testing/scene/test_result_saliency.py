"""The saliency overlay, in a real scene and in a real slice view."""

import numpy as np
import pytest
import slicer

from scene_helpers import makeVolume, parentItem


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
    from ResFormerSegLib.saliency_overlay import fillSaliencyNode

    values = np.zeros(slicer.util.arrayFromVolume(volume).shape[:3], np.float32)
    values[1, 2:5, 3:6] = 0.8
    return fillSaliencyNode(volume, values, "glioma", "Glioma", "Grad-CAM++", "Chattopadhay 2018"), values


def test_the_saliency_lies_on_the_image_and_beside_it(scene):
    volume = makeVolume(oblique=True)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    node, values = saliencyFor(volume)
    assert np.array_equal(slicer.util.arrayFromVolume(node), values)
    bounds = [[0.0] * 6, [0.0] * 6]
    volume.GetRASBounds(bounds[0])
    node.GetRASBounds(bounds[1])
    assert bounds[0] == pytest.approx(bounds[1])
    assert node.GetParentTransformNode() is transform and parentItem(node) == parentItem(volume)
    assert node.GetName() == "Brain saliency (Glioma)"
    assert node.GetAttribute("ResFormerSeg.Method") == "Grad-CAM++"


def test_a_colour_picture_gets_a_saliency_of_one_value_a_pixel(scene):
    picture = makeVolume(shape=(1, 20, 30, 3), dtype=np.uint8, className="vtkMRMLVectorVolumeNode")
    values = np.ones((1, 20, 30), np.float32)
    from ResFormerSegLib.saliency_overlay import fillSaliencyNode

    node = fillSaliencyNode(picture, values, "melanoma", "Melanoma", "m", "c")
    assert node.GetImageData().GetNumberOfScalarComponents() == 1
    assert node.GetImageData().GetDimensions() == (30, 20, 1)


def test_a_second_explanation_fills_the_same_node(scene):
    from ResFormerSegLib.saliency_overlay import fillSaliencyNode, saliencyNodeOf

    volume = makeVolume()
    first, values = saliencyFor(volume)
    first.GetDisplayNode().SetThreshold(0.7, 1.0)
    second = fillSaliencyNode(volume, 1 - values, "meningioma", "Meningioma", "m", "c")
    assert second is first is saliencyNodeOf(volume)
    assert second.GetName() == "Brain saliency (Meningioma)"
    assert second.GetDisplayNode().GetLowerThreshold() == pytest.approx(0.7)  # as the user left it
    assert slicer.util.arrayFromVolume(second)[0, 0, 0] == 1


def test_it_is_found_again_after_saving_and_loading(scene, tmp_path):
    from ResFormerSegLib.saliency_overlay import saliencyNodeOf

    saliencyFor(makeVolume())
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})
    scene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
    node = saliencyNodeOf(slicer.util.getNode("Brain"))
    assert node.GetAttribute("ResFormerSeg.Citation") == "Chattopadhay 2018"


def test_the_overlay_lies_only_over_views_of_the_image(composites):
    from ResFormerSegLib.saliency_overlay import SaliencyOverlay

    volume, _other, (red, green, yellow) = composites
    node, _values = saliencyFor(volume)
    overlay = SaliencyOverlay()
    overlay.show(node, volume, 0.4)
    assert overlay.isShown()
    assert red.GetForegroundVolumeID() == green.GetForegroundVolumeID() == node.GetID()
    assert red.GetForegroundOpacity() == pytest.approx(0.4)
    assert yellow.GetForegroundVolumeID() is None
    overlay.setOpacity(0.9)
    assert green.GetForegroundOpacity() == pytest.approx(0.9)


def test_hiding_gives_back_what_was_in_the_foreground(composites):
    from ResFormerSegLib.saliency_overlay import SaliencyOverlay

    volume, other, (red, green, _yellow) = composites
    red.SetForegroundVolumeID(other.GetID())
    red.SetForegroundOpacity(0.25)
    node, _values = saliencyFor(volume)
    overlay = SaliencyOverlay()
    overlay.show(node, volume)
    overlay.show(node, volume)  # again: what was there before is still known
    green.SetForegroundVolumeID(other.GetID())  # the user's choice meanwhile
    overlay.hide()
    assert red.GetForegroundVolumeID() == other.GetID() and red.GetForegroundOpacity() == pytest.approx(0.25)
    assert green.GetForegroundVolumeID() == other.GetID()
    assert not overlay.isShown()


def test_what_lies_below_the_threshold_is_transparent(bed, scene):
    from ResFormerSegLib.saliency_overlay import SaliencyOverlay, setThreshold
    from slicer_bed.views import SliceView

    volume = makeVolume(shape=(3, 64, 64))
    slicer.util.updateVolumeFromArray(volume, np.full((3, 64, 64), 50, np.int16))
    volume.CreateDefaultDisplayNodes()
    node, _values = saliencyFor(volume)
    values = np.zeros((3, 64, 64), np.float32)
    values[:, 20:40, 20:40] = 0.6
    slicer.util.updateVolumeFromArray(node, values)
    overlay = SaliencyOverlay()
    with SliceView(bed, size=(200, 200)) as view:
        view.show(volume)
        before = view.grab()
        overlay.show(node, volume, 1.0)
        setThreshold(node.GetDisplayNode(), 0.3)
        shown = view.grab()
        coloured = (shown != before).any(2)
        assert 0.05 < coloured.mean() < 0.5
        setThreshold(node.GetDisplayNode(), 0.7)
        assert (view.grab() == before).all()
        overlay.hide()
