"""Every kind of volume reaches the engine as it is, and is not touched."""

import numpy as np
import pytest
import slicer
import vtk

from scene_helpers import makeVolume, segmentArray, stateOf

COLOUR = {"className": "vtkMRMLVectorVolumeNode", "dtype": np.uint8}


@pytest.mark.parametrize(
    "kind",
    [
        {"dtype": np.int16},
        {"dtype": np.uint8},
        {"dtype": np.int8},
        {"dtype": np.uint16},
        {"dtype": np.float32},
        {"dtype": np.float64},
        {"dtype": np.int32},
        {"shape": (1, 8, 10)},
        {"shape": (1, 8, 10, 3), **COLOUR},
        {"shape": (3, 8, 10, 3), **COLOUR},
        {"shape": (1, 8, 10, 4), **COLOUR},
        {"className": "vtkMRMLLabelMapVolumeNode", "dtype": np.uint8},
        {"oblique": True},
        {"name": "Kopf Übersicht 頭"},
    ],
    ids=str,
)
def test_the_engine_gets_the_voxels_and_the_volume_stays_as_it_was(scene, logicWith, kind):
    volume = makeVolume(**kind)
    before = stateOf(volume)
    result = logicWith("exclusive").process(volume)
    assert stateOf(volume) == before
    given = result.report["given"]
    assert tuple(given["shape"]) == kind.get("shape", (3, 8, 10))
    assert given["dtype"] == np.dtype(kind.get("dtype", np.int16)).name
    voxels = vtk.util.numpy_support.vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars())
    assert given["sum"] == voxels.sum()
    assert given["name"] == volume.GetName()
    assert segmentArray(result.segmentationNode, "tumour", volume)[0, :, :5].all()


def test_the_affine_takes_voxel_indices_to_lps(scene, logicWith):
    volume = makeVolume(oblique=True)
    affine = np.array(logicWith("exclusive").process(volume).report["given"]["affine_lps"])
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    for index in ((0, 0, 0, 1), (9, 7, 2, 1)):
        right, anterior, superior, _ = matrix.MultiplyPoint(index)
        assert affine @ index == pytest.approx([-right, -anterior, superior, 1])


def test_a_transform_above_the_volume_is_left_out_of_the_affine(scene, logicWith):
    volume = makeVolume()
    plain = logicWith("exclusive").process(volume).report["given"]["affine_lps"]
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    move = vtk.vtkTransform()
    move.Translate(5, 6, 7)
    transform.SetMatrixTransformToParent(move.GetMatrix())
    volume.SetAndObserveTransformNodeID(transform.GetID())
    assert logicWith("exclusive").process(volume).report["given"]["affine_lps"] == plain


def test_a_volume_has_an_orientation_and_a_picture_has_none(scene, logicWith):
    def hasOrientation(volume) -> bool:
        return logicWith("exclusive").process(volume).report["given"]["has_orientation"]

    assert hasOrientation(makeVolume())
    assert hasOrientation(makeVolume(shape=(1, 8, 10)))  # one slice of an examination
    assert not hasOrientation(makeVolume(shape=(1, 8, 10, 3), **COLOUR))
    photograph = makeVolume(shape=(1, 8, 10))
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName("photograph.PNG")
    photograph.SetAndObserveStorageNodeID(storage.GetID())
    assert not hasOrientation(photograph)


def test_model_device_and_slice_axis_are_passed_on(scene, logicWith):
    result = logicWith("exclusive").process(makeVolume(), "my/model", "cuda", sliceAxis="coronal")
    command = result.report["command"]
    assert (command["model"], command["device"]) == ("my/model", "cuda")
    assert command["options"]["slice_axis"] == "coronal"


def test_a_volume_that_is_edited_during_the_run_keeps_the_result_on_the_grid_it_was_made_on(scene, logicWith):
    volume = makeVolume()
    origin = volume.GetOrigin()
    logic = logicWith("exclusive")

    def moveVolume(fraction, message) -> None:
        if fraction > 0:
            volume.SetOrigin(500, 500, 500)

    result = logic.process(volume, progress=moveVolume)
    labelmap = slicer.vtkOrientedImageData()
    result.segmentationNode.GetBinaryLabelmapRepresentation("tumour", labelmap)
    assert labelmap.GetOrigin() == pytest.approx(origin)
