"""Inputs that are refused before a worker is started, in words that say what to do."""

import pytest
import slicer
import vtk

from helpers.scene_helpers import makeVolume, sceneState


@pytest.fixture
def refusal(scene, module):
    """The error for an input; the logic has no engine, so it must not get as far as starting one."""
    from ResFormerSegLib.errors import ResFormerSegError

    def process(volume, **options) -> ResFormerSegError:
        class NoEngine:
            def __getattr__(self, name):
                raise AssertionError("the engine was used")

        before = sceneState()
        with pytest.raises(ResFormerSegError) as caught:
            module.ResFormerSegLogic(makeEngine=NoEngine).process(volume, **options)
        assert sceneState() == before
        assert caught.value.hint
        return caught.value

    return process


def test_no_volume(refusal):
    assert refusal(None).code == "NO_VOLUME"


def test_a_volume_without_image_data(refusal, scene):
    error = refusal(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Hollow"))
    assert error.code == "VOLUME_EMPTY"
    assert "'Hollow'" in error.message


def test_a_volume_of_zero_size(refusal, scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    volume.SetAndObserveImageData(vtk.vtkImageData())
    assert refusal(volume).code == "VOLUME_EMPTY"


def test_a_volume_without_scalars(refusal, scene):
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    image = vtk.vtkImageData()
    image.SetDimensions(4, 4, 4)
    volume.SetAndObserveImageData(image)
    assert refusal(volume).code == "VOLUME_EMPTY"


@pytest.mark.parametrize("className", ["vtkMRMLModelNode", "vtkMRMLSegmentationNode", "vtkMRMLTextNode"])
def test_a_node_that_is_not_a_volume(refusal, scene, className):
    error = refusal(scene.AddNewNodeByClass(className))
    assert error.code == "NOT_A_VOLUME"
    assert className in error.message


def test_a_node_id_instead_of_a_node(refusal):
    assert refusal("vtkMRMLScalarVolumeNode1").code == "NOT_A_VOLUME"


def test_an_output_that_is_not_a_segmentation(refusal, scene):
    model = scene.AddNewNodeByClass("vtkMRMLModelNode")
    assert refusal(makeVolume(), outputSegmentation=model).code == "NOT_A_SEGMENTATION"


def test_a_volume_that_was_never_added_to_the_scene(refusal):
    volume = makeVolume()
    slicer.mrmlScene.RemoveNode(volume)
    assert refusal(volume).code == "VOLUME_NOT_IN_SCENE"


def test_a_sequence_of_volumes(refusal, scene):
    error = refusal(scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Heart"))
    assert error.code == "VOLUME_4D" and "'Heart'" in error.message


def test_a_volume_of_many_values_per_voxel(refusal):
    error = refusal(makeVolume(shape=(3, 8, 10, 7), className="vtkMRMLVectorVolumeNode"))
    assert error.code == "VOLUME_4D"


@pytest.mark.parametrize("direct", [True, False], ids=["directly", "through another transform"])
def test_a_volume_under_a_transform_that_warps_it(refusal, scene, direct):
    volume = makeVolume()
    warp = scene.AddNewNodeByClass("vtkMRMLGridTransformNode", "Breathing")
    above = warp
    if not direct:
        above = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Registration")
        above.SetAndObserveTransformNodeID(warp.GetID())
    volume.SetAndObserveTransformNodeID(above.GetID())
    error = refusal(volume)
    assert error.code == "VOLUME_WARPED" and f"'{above.GetName()}'" in error.message
    assert volume.GetParentTransformNode() is above


def test_what_is_refused_cannot_be_explained_either(scene, module):
    from ResFormerSegLib.errors import ResFormerSegError

    for volume, code in ((None, "NO_VOLUME"), (scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"), "VOLUME_EMPTY")):
        with pytest.raises(ResFormerSegError) as caught:
            module.ResFormerSegLogic().explain(volume)
        assert caught.value.code == code


def test_a_call_that_does_not_wait_refuses_at_once_too(scene, module):
    from ResFormerSegLib.errors import ResFormerSegError

    with pytest.raises(ResFormerSegError):
        module.ResFormerSegLogic().process(None, wait=False)
