"""Segmentation files: what 3D Slicer reads from them, and that no half-written file is ever left."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.coded_segments import SEGMENTS
from helpers.synthetic_images import oblique_affine
from resformer_unet.atomic_files import atomic_write_text, check_writable
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.reading import read_image
from resformer_unet.image.writing import probability_file, segment_fields, segmentation_file

SERIALISED = (
    "Segmentation category and type - 3D Slicer General Anatomy list~SCT^49755003^Morphologically Altered Structure"
    "~SCT^4147007^Mass~^^~Anatomic codes - DICOM master list~^^~^^"
)


def write_segmentation(*arguments) -> None:
    with segmentation_file(*arguments):
        pass


def image(affine: np.ndarray | None = None):
    return image_from_array(np.zeros((4, 10, 12), np.int16), oblique_affine() if affine is None else affine, "x")


def exclusive_layers() -> np.ndarray:
    layers = np.zeros((1, 4, 10, 12), np.uint8)
    layers[0, 1, 2:5, 3:8] = 1
    layers[0, 2, 4:9, 1:3] = 2
    return layers


def overlapping_layers() -> np.ndarray:
    layers = np.zeros((2, 4, 10, 12), np.uint8)
    layers[0, 1:3, 2:5, 3:8] = 1
    layers[1, 1:3, 4:8, 3:9] = 2
    return layers


def test_labels_and_geometry_come_back_exactly(tmp_path):
    write_segmentation(tmp_path / "x.seg.nrrd", exclusive_layers(), image(), SEGMENTS)
    written = read_image(tmp_path / "x.seg.nrrd")
    assert np.array_equal(written.voxels[..., 0], exclusive_layers()[0]) and written.voxels.dtype == np.uint8
    assert np.allclose(written.affine, image().affine, atol=1e-12)
    write_segmentation(tmp_path / "y.seg.nrrd", overlapping_layers(), image(), SEGMENTS)
    assert np.array_equal(np.moveaxis(read_image(tmp_path / "y.seg.nrrd").voxels, -1, 0), overlapping_layers())


@pytest.mark.parametrize("layers", [exclusive_layers(), overlapping_layers()], ids=["exclusive", "overlapping"])
@pytest.mark.parametrize(
    "affine", [np.diag([0.7, 0.7, 3, 1]), oblique_affine() * [1, -1, 1, 1]], ids=["axial", "flipped"]
)
def test_the_file_holds_what_simpleitk_would_have_written(tmp_path, layers, affine):
    several = len(layers) > 1
    segments = [{**SEGMENTS[0], "name": "a\\b\nc ä"}, *SEGMENTS[1:]]
    expected = sitk.GetImageFromArray(np.moveaxis(layers, 0, -1) if several else layers[0], isVector=several)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    expected.SetSpacing(spacing.tolist())
    expected.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    expected.SetOrigin(affine[:3, 3].tolist())
    for key, value in segment_fields(segments, (12, 10, 4), several).items():
        expected.SetMetaData(key, value)
    sitk.WriteImage(expected, str(tmp_path / "expected.seg.nrrd"), useCompression=True)
    write_segmentation(tmp_path / "x.seg.nrrd", layers, image(affine), segments)
    with probability_file(tmp_path / "p.nrrd", layers[0], image(affine)):
        pass

    expected, written, map_ = (
        sitk.ReadImage(str(tmp_path / name)) for name in ("expected.seg.nrrd", "x.seg.nrrd", "p.nrrd")
    )
    assert written.GetPixelID() == expected.GetPixelID()
    assert np.array_equal(sitk.GetArrayFromImage(written), sitk.GetArrayFromImage(expected))
    assert {key: written.GetMetaData(key) for key in written.GetMetaDataKeys()} == {
        key: expected.GetMetaData(key) for key in expected.GetMetaDataKeys()
    }
    for found in (written, map_):
        for geometry in ("GetOrigin", "GetSpacing", "GetDirection"):
            assert np.allclose(getattr(found, geometry)(), getattr(expected, geometry)(), rtol=1e-15, atol=1e-15)
    assert map_.GetPixelID() == sitk.sitkUInt8 and np.array_equal(sitk.GetArrayFromImage(map_), layers[0])


def test_the_header_names_every_segment(tmp_path):
    write_segmentation(tmp_path / "x.seg.nrrd", overlapping_layers(), image(), SEGMENTS)
    header = sitk.ReadImage(str(tmp_path / "x.seg.nrrd"))
    assert header.GetMetaData("Segment1_ID") == "oedema"
    assert header.GetMetaData("Segment1_LabelValue") == "2" and header.GetMetaData("Segment1_Layer") == "1"
    assert header.GetMetaData("Segment0_Color") == "1 0 0.2"
    assert header.GetMetaData("Segment0_Extent") == "0 11 0 9 0 3"
    assert header.GetMetaData("Segment0_Tags") == f"TerminologyEntry:{SERIALISED}|"


LOAD_IN_SLICER = """
import json, sys
import slicer, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
storage = slicer.vtkMRMLSegmentationStorageNode()
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(node)
segmentation = node.GetSegmentation()
found = []
for index in range(segmentation.GetNumberOfSegments()):
    segment, identifier = segmentation.GetNthSegment(index), segmentation.GetNthSegmentID(index)
    labels = segment.GetRepresentation("Binary labelmap")
    matrix = vtk.vtkMatrix4x4()
    labels.GetImageToWorldMatrix(matrix)
    first, dimensions = labels.GetExtent()[::2], labels.GetDimensions()
    values = vtk_to_numpy(labels.GetPointData().GetScalars()).reshape(dimensions[::-1])
    mask = values == segment.GetLabelValue()
    found.append({
        "id": identifier, "name": segment.GetName(), "color": segment.GetColor(),
        "terminology": segment.GetTerminology(), "layer": segmentation.GetLayerIndex(identifier), "first": first,
        "to_ras": [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)], "mask": mask.tolist(),
    })
print(json.dumps(found))
"""


def loaded_in_slicer(path) -> list[dict]:
    """Segments as Slicer's own reader sees them, in a process of its own: slicer-core boots once per process."""
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    command = [sys.executable, "-c", LOAD_IN_SLICER, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def sheared_affine() -> np.ndarray:
    affine = oblique_affine()
    affine[1, 2] = 0.8
    return affine


@pytest.mark.parametrize("layers", [exclusive_layers(), overlapping_layers()], ids=["exclusive", "overlapping"])
@pytest.mark.parametrize("affine", [oblique_affine(), oblique_affine() * [1, -1, 1, 1]], ids=["oblique", "flipped"])
def test_slicer_loads_names_colours_terminology_layers_and_geometry(tmp_path, layers, affine):
    path = tmp_path / "Kopf ä.seg.nrrd"
    write_segmentation(path, layers, image(affine), SEGMENTS)
    found = loaded_in_slicer(path)
    assert [segment["id"] for segment in found] == ["lesion", "oedema"]
    for index, (segment, wanted) in enumerate(zip(found, SEGMENTS, strict=True)):
        assert segment["name"] == wanted["name"] and segment["terminology"] == SERIALISED
        assert np.allclose(segment["color"], np.divide(wanted["color"], 255), atol=1e-5)
        layer = index if len(layers) > 1 else 0
        assert segment["layer"] == layer
        # every labelled voxel lies where it lay in the image: LPS there, RAS in Slicer
        k, j, i = np.nonzero(segment["mask"])
        seen = np.stack([i, j, k], -1) + segment["first"]
        ras = seen @ np.array(segment["to_ras"])[:3, :3].T + np.array(segment["to_ras"])[:3, 3]
        k, j, i = np.nonzero(layers[layer] == wanted["value"])
        lps = np.stack([i, j, k], -1) @ affine[:3, :3].T + affine[:3, 3]
        assert np.allclose(ras, lps * (-1, -1, 1), atol=1e-6)


def test_a_sheared_grid_is_written_as_it_is(tmp_path):
    write_segmentation(tmp_path / "x.seg.nrrd", exclusive_layers(), image(sheared_affine()), SEGMENTS)
    assert np.allclose(read_image(tmp_path / "x.seg.nrrd").affine, sheared_affine(), atol=1e-12)


def test_folders_are_made_and_old_files_are_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "case.json"
    atomic_write_text(path, "old")
    atomic_write_text(path, "Größe\n")
    assert path.read_bytes() == "Größe\n".encode() and os.listdir(path.parent) == ["case.json"]


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.seg.nrrd").mkdir()
    for folder, name in (("file", "x"), (".", "x" * 300), (".", "folder")):
        path = tmp_path / folder / f"{name}.seg.nrrd"
        for write, arguments in (
            (write_segmentation, (exclusive_layers(), image(), SEGMENTS)),
            (atomic_write_text, ("text",)),
        ):
            with pytest.raises(EngineError) as caught:
                write(path, *arguments)
            assert caught.value.code == "OUTPUT_NOT_WRITABLE" and str(path) in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.seg.nrrd"]


def test_whether_a_file_can_be_written_is_found_out_without_a_trace(tmp_path):
    (tmp_path / "old.json").write_text("old")
    for name in ("old.json", "new.json", "a/b/new.json"):
        check_writable(tmp_path / name)
    with pytest.raises(EngineError) as caught:
        check_writable(tmp_path / "old.json" / "new.json")
    assert caught.value.code == "OUTPUT_NOT_WRITABLE"
    assert os.listdir(tmp_path) == ["old.json"] and (tmp_path / "old.json").read_text() == "old"


def test_a_segmentation_whose_block_fails_does_not_appear(tmp_path):
    path = tmp_path / "x.seg.nrrd"
    with (
        pytest.raises(RuntimeError, match="a rare fault"),
        segmentation_file(path, exclusive_layers(), image(), SEGMENTS),
    ):
        assert not path.exists()
        raise RuntimeError("a rare fault")
    assert os.listdir(tmp_path) == []


FULL_DISK = """
import resource, signal, sys
import test_writing as files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
arguments = files.exclusive_layers(), files.image(), files.SEGMENTS
for write in (
    lambda: files.write_segmentation(sys.argv[1] + "/x.seg.nrrd", *arguments),
    lambda: files.atomic_write_text(sys.argv[1] + "/x.json", "x" * 100_000),
):
    try:
        write()
    except files.EngineError as error:
        print(error.code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size as on POSIX")
@pytest.mark.parametrize("room", [0, 600])
def test_a_full_disk_leaves_the_old_files_and_nothing_half_written(tmp_path, room):
    for name in ("x.seg.nrrd", "x.json"):
        (tmp_path / name).write_text("old")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(room)]
    # through a pipe: the limit holds for regular files only
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert done.stdout.split() == ["DISK_FULL", "DISK_FULL"], done.stderr
    assert sorted(os.listdir(tmp_path)) == ["x.json", "x.seg.nrrd"]
    assert {path.read_text() for path in tmp_path.iterdir()} == {"old"}
