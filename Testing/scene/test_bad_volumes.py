"""Inputs that are refused before a worker is started, in words that say what to do."""

import pytest
import slicer
import vtk

from scene_helpers import makeVolume, sceneState


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
