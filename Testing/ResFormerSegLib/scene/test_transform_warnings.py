"""What a transform of a volume does to sizes and sides is said with the result, which is made without it."""

import pytest
import slicer
import vtk
from vtk.util import numpy_support

from helpers.scene_helpers import makeVolume
from helpers.scene_sequences import makeSequence, ramp


@pytest.mark.parametrize(
    ("scale", "shear", "warned"), [(1, 0, False), (2, 0, True), (1.0005, 0, False), (1, 0.3, True)]
)
def test_a_transform_that_changes_sizes_is_warned_of(scene, logicWith, scale, shear, warned):
    volume = makeVolume()
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    move = vtk.vtkTransform()
    move.RotateWXYZ(30, 1, 2, 3)
    move.Scale(scale, 1, 1)
    matrix = vtk.vtkMatrix4x4()
    move.GetMatrix(matrix)
    skew = vtk.vtkMatrix4x4()
    skew.SetElement(0, 1, shear)
    vtk.vtkMatrix4x4.Multiply4x4(matrix, skew, matrix)
    transform.SetMatrixTransformToParent(matrix)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    warnings = logicWith("exclusive").process(volume).warnings
    assert ("VOLUME_SCALED" in [warning["code"] for warning in warnings]) == warned


@pytest.mark.parametrize(
    ("degrees", "isOblique", "isWarned"), [(0, False, False), (20, False, False), (90, False, True), (180, True, True)]
)
def test_a_transform_that_turns_a_volume_to_another_side_is_warned_of(scene, logicWith, degrees, isOblique, isWarned):
    volume = makeVolume(oblique=isOblique)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkTransform()
    turn.RotateX(degrees)
    transform.SetMatrixTransformToParent(turn.GetMatrix())
    volume.SetAndObserveTransformNodeID(transform.GetID())
    warnings = logicWith("exclusive").process(volume).warnings
    messages = [warning["message"] for warning in warnings if warning["code"] == "VOLUME_TURNED"]
    assert len(messages) == isWarned and all("harden it" in message for message in messages)


def stretched(volume) -> None:
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    stretch = vtk.vtkTransform()
    stretch.Scale(2, 1, 1)
    transform.SetMatrixTransformToParent(stretch.GetMatrix())
    volume.SetAndObserveTransformNodeID(transform.GetID())


def test_sizes_over_time_are_warned_of_as_those_of_a_volume(scene, logicWith):
    volume, *_ = makeSequence(ramp())
    stretched(volume)
    warnings = logicWith("exclusive").processSequence(volume, "brain-tumor-mr").warnings
    assert [warning["code"] for warning in warnings].count("VOLUME_SCALED") == 1


def test_sizes_of_many_cases_are_warned_of_as_those_of_a_volume(scene, logic, models, tmp_path):
    volumes = [makeVolume((4, 40, 50), name=name) for name in ("Straight", "Stretched")]
    stretched(volumes[1])
    rows = logic.cases(volumes, str(models / "grey"), tmp_path, device="cpu")
    codes = {row["name"]: [warning["code"] for warning in row["warnings"]] for row in rows}
    assert "VOLUME_SCALED" in codes["Stretched"] and "VOLUME_SCALED" not in codes["Straight"]


def test_a_transform_that_bends_put_on_during_the_run_is_warned_of_without_a_vtk_error(scene, logicWith):
    volume = makeVolume()
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    grid = slicer.vtkOrientedGridTransform()
    displacements = vtk.vtkImageData()
    displacements.SetDimensions(2, 2, 2)
    displacements.SetSpacing(100, 100, 100)
    displacements.AllocateScalars(vtk.VTK_DOUBLE, 3)
    numpy_support.vtk_to_numpy(displacements.GetPointData().GetScalars())[:] = 1.0
    grid.SetDisplacementGridData(displacements)
    node.SetAndObserveTransformToParent(grid)
    logic = logicWith("exclusive")
    result = logic.process(volume, progress=lambda *news: volume.SetAndObserveTransformNodeID(node.GetID()))
    assert "VOLUME_SCALED" in [warning["code"] for warning in result.warnings]
    assert result.segmentationNode.GetParentTransformNode() is node
