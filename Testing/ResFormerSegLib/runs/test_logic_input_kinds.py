"""Every kind of volume reaches the engine as it is, and is not touched."""

import numpy as np
import pytest
import slicer
import vtk
from PIL import Image

from helpers.scene_helpers import makeVolume, segmentArray, stateOf
from resformer_unet.image.reading import read_image

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


def test_a_label_map_is_segmented_with_the_warning_that_it_is_no_image(scene, logicWith):
    labels = makeVolume(className="vtkMRMLLabelMapVolumeNode", dtype=np.uint8)
    warnings = {warning["code"]: warning["message"] for warning in logicWith("exclusive").process(labels).warnings}
    assert "label map" in warnings["LABEL_MAP"]
    assert "LABEL_MAP" not in {warning["code"] for warning in logicWith("exclusive").process(makeVolume()).warnings}


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


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.35, 0.35, 1)])  # a PNG file may say how many pixels an inch has
def test_a_grey_picture_stays_one_after_saving_and_loading(scene, logicWith, tmp_path, spacing):
    from ResFormerSegLib.scene.volume_export import isPicture

    picture = makeVolume(shape=(1, 20, 30), dtype=np.uint8, name="Ultrasound")
    picture.SetSpacing(*spacing)
    picture.SetOrigin(0, 0, 0)
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")
    storage.SetFileName("/pictures/ultrasound.png")
    picture.SetAndObserveStorageNodeID(storage.GetID())
    before = stateOf(picture)
    logicWith("exclusive").process(picture)
    assert stateOf(picture) == before
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})
    scene.Clear(False)
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {})
    loaded = slicer.util.getNode("Ultrasound")
    assert loaded.GetStorageNode().GetFileName().endswith(".nrrd") and isPicture(loaded)


def test_a_slice_of_an_examination_is_no_picture_even_with_pixels_of_a_millimetre(scene):
    from ResFormerSegLib.scene.volume_export import isPicture

    fromDicom, elsewhere, turned, plain = (makeVolume(shape=(1, 20, 30)) for _ in range(4))
    for volume in (fromDicom, elsewhere, turned, plain):
        volume.SetSpacing(1, 1, 1)
        volume.SetOrigin(0, 0, 0)
    fromDicom.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    elsewhere.SetOrigin(-80, 100, 30)
    turned.SetIJKToRASDirections(1, 0, 0, 0, 0, 1, 0, 1, 0)
    assert [isPicture(volume) for volume in (fromDicom, elsewhere, turned, plain)] == [False, False, False, True]


def test_model_device_and_slice_axis_are_passed_on(scene, logicWith):
    result = logicWith("exclusive").process(makeVolume(), "my/model", "cuda", sliceAxis="coronal")
    command = result.report["command"]
    assert (command["model"], command["device"]) == ("my/model", "cuda")
    assert command["options"]["slice_axis"] == "coronal"


@pytest.mark.parametrize(
    ("spacing", "origin", "hasOrientation"),
    [
        ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), False),
        ((0.3528, 0.3528, 1.0), (0.0, 0.0, 0.0), False),  # of 72 pixels per inch
        ((1.0, 1.0, 1.0), (4.5, 3.5, -1.0), False),  # loaded as centred
        ((0.5, 0.5, 2.5), (0.0, 0.0, 0.0), True),  # whoever gives the distance of the slices knows where they are
        ((1.0, 1.0, 1.0), (30.0, -20.0, 7.0), True),
    ],
)
def test_the_pages_of_a_tiff_have_no_orientation_as_on_the_command_line(
    scene, logicWith, tmp_path, spacing, origin, hasOrientation
):
    volume = makeVolume(shape=(3, 8, 10), dtype=np.uint8)
    path = tmp_path / "stack.TIF"
    pages = [Image.fromarray(page) for page in slicer.util.arrayFromVolume(volume)]
    pages[0].save(path, format="TIFF", save_all=True, append_images=pages[1:])
    storage = scene.AddNewNodeByClass("vtkMRMLVolumeArchetypeStorageNode")  # this Slicer has no reader of TIFF
    storage.SetFileName(str(path))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    volume.SetSpacing(spacing)
    volume.SetOrigin(origin)
    given = logicWith("exclusive").process(volume).report["given"]
    onCommandLine = read_image(path)
    assert tuple(given["shape"]) == onCommandLine.shape and not onCommandLine.has_orientation
    assert given["has_orientation"] == hasOrientation
