"""A 4D segmentation file is what Slicer, ITK and this package read from it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk

from helpers.coded_segments import SEGMENTS
from helpers.synthetic_images import oblique_affine
from resformer_unet.image.medical_image import image_from_array
from resformer_unet.image.sequence_writing import label_sequence_file

LABELS = np.zeros((3, 4, 10, 12), np.uint8)
for _frame in range(3):
    LABELS[_frame, 1, 2:5, 3 : 6 + _frame], LABELS[_frame, 2, 7, 1:3] = 1, 2
IMAGE = image_from_array(np.zeros((4, 10, 12), np.int16), oblique_affine(), "x")

LOAD_IN_SLICER = """
import json, sys
import slicer, slicer.util, vtk
from vtk.util.numpy_support import vtk_to_numpy
scene = slicer.vtkMRMLScene()
logic = slicer.vtkSlicerSequencesLogic()
logic.SetMRMLScene(scene)
def array(image):
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1]).tolist()
sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode")
storage = scene.CreateNodeByClass("vtkMRMLVolumeSequenceStorageNode")
storage.SetFileName(sys.argv[1])
assert storage.ReadData(sequence)
count = sequence.GetNumberOfDataNodes()
matrix = vtk.vtkMatrix4x4()
sequence.GetNthDataNode(1).GetIJKToRASMatrix(matrix)
found = {
    "index": [sequence.GetIndexName(), sequence.GetIndexUnit()],
    "values": [sequence.GetNthIndexValue(number) for number in range(count)],
    "frames": [array(sequence.GetNthDataNode(number).GetImageData()) for number in range(count)],
    "to_ras": [[matrix.GetElement(row, column) for column in range(4)] for row in range(4)],
}
segmentationNode = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
storage = slicer.vtkMRMLSegmentationStorageNode()
scene.AddNode(storage)
storage.SetFileName(sys.argv[1])
assert storage.ReadData(segmentationNode)
segmentation = segmentationNode.GetSegmentation()
found["segments"] = []
for number in range(segmentation.GetNumberOfSegments()):
    segment = segmentation.GetNthSegment(number)
    image = segment.GetRepresentation("Binary labelmap")
    mask = (vtk_to_numpy(image.GetPointData().GetScalars()) == segment.GetLabelValue())
    found["segments"].append([segmentation.GetNthSegmentID(number), segment.GetName(), int(mask.sum())])
print(json.dumps(found))
"""


def write(path, frames=(5, 6, 7), times=(0.2, 0.24, 0.29)):
    with label_sequence_file(path, IMAGE, list(frames), times, SEGMENTS) as (target, _):
        for labels in LABELS:
            target.add(labels)
    return path


def test_itk_reads_a_component_for_each_frame_on_the_images_grid(tmp_path):
    written = sitk.ReadImage(str(write(tmp_path / "x.seg.nrrd")))
    assert np.array_equal(np.moveaxis(sitk.GetArrayFromImage(written), -1, 0), LABELS)
    assert np.allclose(written.GetOrigin(), IMAGE.affine[:3, 3]) and np.allclose(written.GetSpacing(), IMAGE.spacing)
    assert np.allclose(np.reshape(written.GetDirection(), (3, 3)) * IMAGE.spacing, IMAGE.affine[:3, :3])
    assert written.GetMetaData("Segment0_Name") == "Läsion"


@pytest.mark.parametrize(
    ("times", "index", "values"),
    [((0.2, 0.24, 0.29), ["time", "s"], ["0.2", "0.24", "0.29"]), (None, ["frame", ""], ["5", "6", "7"])],
    ids=["times", "numbers"],
)
def test_slicer_opens_it_as_a_sequence_and_as_a_segmentation(tmp_path, times, index, values):
    if importlib.util.find_spec("slicer") is None:
        pytest.skip("slicer-core is not installed")
    command = [sys.executable, "-c", LOAD_IN_SLICER, str(write(tmp_path / "x.seg.nrrd", times=times))]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["index"], found["values"]) == (index, values)
    assert np.array_equal(found["frames"], LABELS)
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ found["to_ras"], IMAGE.affine)
    assert found["segments"] == [["lesion", "Läsion", 9], ["oedema", "Oedema", 2]]


def test_a_sequence_that_lacks_a_frame_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="2 of 3 frames"):
        with label_sequence_file(tmp_path / "x.seg.nrrd", IMAGE, [0, 1, 2], None, SEGMENTS) as (target, _):
            target.add(LABELS[0])
            target.add(LABELS[1])
    assert not list(tmp_path.iterdir())
