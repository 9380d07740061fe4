"""Slices of a volume in the world, and what the views show of a result; in a real scene, with real slice logics."""

from types import SimpleNamespace

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from helpers.scene_helpers import importSegments, makeVolume

AXES = {0: "Axial", 1: "Coronal", 2: "Sagittal"}


@pytest.fixture
def views(bed, scene):
    """The three slice views of the application: nodes and logics, without windows."""
    logics = []
    for name, orientation in (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal")):
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(bed.applicationLogic)
        bed.applicationLogic.GetSliceLogics().AddItem(logic)
        logic.SetMRMLScene(scene)
        logic.AddSliceNode(name).SetOrientation(orientation)
        logic.GetSliceNode().SetDimensions(300, 200, 1)
        logics.append(logic)
    yield {logic.GetSliceNode().GetName(): logic for logic in logics}
    for logic in logics:
        bed.applicationLogic.GetSliceLogics().RemoveItem(logic)
        logic.SetMRMLScene(None)


def moved(volume, nonlinear=False):
    """Puts the volume under a transform: turned by 30 degrees about the S axis and shifted, or bent."""
    transform = vtk.vtkTransform()
    transform.Translate(10, 20, 30)
    transform.RotateZ(30)
    if nonlinear:
        landmarks = [(x, y, z) for x in (-90, 90) for y in (-90, 90) for z in (-90, 120)]
        source, target = vtk.vtkPoints(), vtk.vtkPoints()
        for x, y, z in landmarks:
            source.InsertNextPoint(x, y, z)
            target.InsertNextPoint(x + 4 * (x > 0), y, z * 1.1)
        transform = vtk.vtkThinPlateSplineTransform()
        transform.SetSourceLandmarks(source)
        transform.SetTargetLandmarks(target)
        transform.SetBasisToR()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    node.SetAndObserveTransformToParent(transform)
    volume.SetAndObserveTransformNodeID(node.GetID())
    return volume


def resultFor(volume, lesion, axis=0):
    """A result whose segmentation holds the voxels of `lesion` (k, j, i slices)."""
    from ResFormerSegLib.scene.volume_export import ExportedVolume

    labels = np.zeros((1, *slicer.util.arrayFromVolume(volume).shape[:3]), np.uint8)
    labels[0][lesion] = 1
    toRas = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRas)
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Result")
    row = {"id": "lesion", "name": "Lesion", "value": 1, "layer": 0, "color": [255, 0, 0], "terminology": None}
    importSegments(segmentation, labels, [row], ExportedVolume({}, labels.shape[1:], toRas))
    segmentation.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    where = np.argwhere(labels[0])
    centre = where.mean(0)[::-1].tolist() if len(where) else None
    index = round(centre[2 - axis]) if centre else None
    largest = {"segment": "lesion", "voxels": len(where), "slice": index, "center_ijk": centre} if centre else None
    plane = {0: "axial", 1: "coronal", 2: "sagittal"}[axis]
    report = {"slice_axis": {"plane": plane, "array_axis": axis}, "largest_lesion": largest}
    return SimpleNamespace(segmentationNode=segmentation, report=report)


@pytest.mark.parametrize("nonlinear", [False, True])
def test_positions_go_to_the_world_and_back_through_a_transform(scene, nonlinear):
    from ResFormerSegLib.scene.slice_positions import ijkFromWorld, worldFromIjk

    volume = moved(makeVolume(oblique=True), nonlinear)
    assert ijkFromWorld(volume, worldFromIjk(volume, (4, 5, 2))) == pytest.approx((4, 5, 2), abs=0.02)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_view_tells_the_slice_that_it_was_sent_to(views, axis):
    from ResFormerSegLib.scene.slice_positions import jumpSliceViews, positionOfSlice, sliceShownBy

    volume = makeVolume()
    nodes = {logic.GetSliceNode().GetOrientation(): logic.GetSliceNode() for logic in views.values()}
    for index in (0, 2):
        jumpSliceViews(positionOfSlice(volume, axis, index))
        assert sliceShownBy(nodes[AXES[axis]], volume, axis) == index


def test_a_view_across_the_slices_shows_none_of_them(views):
    from ResFormerSegLib.scene.slice_positions import jumpSliceViews, positionOfSlice, sliceShownBy

    volume = makeVolume()
    jumpSliceViews(positionOfSlice(volume, 0, 1))
    assert sliceShownBy(views["Green"].GetSliceNode(), volume, 0) is None


def test_a_view_beside_the_volume_shows_no_slice(views):
    from ResFormerSegLib.scene.slice_positions import sliceShownBy

    volume = makeVolume()
    red = views["Red"].GetSliceNode()
    red.SetSliceOffset(500)
    assert sliceShownBy(red, volume, 0) is None


def test_a_view_that_sees_the_place_keeps_its_field_of_view(views):
    from ResFormerSegLib.scene.slice_positions import jumpSliceViews, worldFromIjk

    volume = makeVolume()
    red = views["Red"].GetSliceNode()
    before = [red.GetSliceToRAS().GetElement(row, 3) for row in range(2)]
    jumpSliceViews(worldFromIjk(volume, (2, 2, 1)))
    assert [red.GetSliceToRAS().GetElement(row, 3) for row in range(2)] == before
    jumpSliceViews((5000.0, 0.0, 0.0))
    assert red.GetSliceToRAS().GetElement(0, 3) == pytest.approx(5000)


@pytest.mark.parametrize("under", ["nothing", "a rigid transform", "a bent transform"])
def test_the_views_jump_to_the_largest_lesion_and_show_volume_and_segmentation(views, under):
    from ResFormerSegLib.scene.result_display import showResultInViews
    from ResFormerSegLib.scene.slice_positions import worldFromIjk

    volume = makeVolume(shape=(9, 20, 24), oblique=True)
    if under != "nothing":
        moved(volume, nonlinear=under == "a bent transform")
    result = resultFor(volume, np.s_[6:8, 3:7, 15:18])
    showResultInViews(result, volume)
    target = worldFromIjk(volume, (16, 4.5, 6))
    for logic in views.values():
        assert logic.GetSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()
        toSlice = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(logic.GetSliceNode().GetSliceToRAS(), toSlice)
        assert toSlice.MultiplyPoint((*target, 1))[2] == pytest.approx(0, abs=1e-3)
    display = result.segmentationNode.GetDisplayNode()
    assert display.GetVisibility() and display.GetVisibility3D()
    surface = vtk.vtkPolyData()
    assert result.segmentationNode.GetClosedSurfaceRepresentation("lesion", surface) and surface.GetNumberOfPoints()


def test_a_view_that_shows_the_volume_in_the_foreground_keeps_its_layers(views):
    from ResFormerSegLib.scene.result_display import showResultInViews

    volume, other = makeVolume(), makeVolume(name="Other")
    composite = views["Red"].GetSliceCompositeNode()
    composite.SetBackgroundVolumeID(other.GetID())
    composite.SetForegroundVolumeID(volume.GetID())
    showResultInViews(resultFor(volume, np.s_[1:2, 1:3, 1:3]), volume)
    assert composite.GetBackgroundVolumeID() == other.GetID()
    assert views["Green"].GetSliceCompositeNode().GetBackgroundVolumeID() == volume.GetID()


def test_a_picture_is_fitted_and_has_no_surface(views):
    from ResFormerSegLib.scene.result_display import showResultInViews

    picture = makeVolume(shape=(1, 60, 80, 3), dtype=np.uint8, className="vtkMRMLVectorVolumeNode")
    result = resultFor(picture, np.s_[0:1, 10:30, 10:30])
    showResultInViews(result, picture)
    red = views["Red"].GetSliceNode()
    width, height = red.GetFieldOfView()[:2]
    assert height == pytest.approx(60 * 0.8, rel=0.05) and width > 80 * 0.5  # all of it, and as large as possible
    assert not result.segmentationNode.GetDisplayNode().GetVisibility3D()
    assert not result.segmentationNode.GetSegmentation().ContainsRepresentation("Closed surface")


def test_an_empty_segmentation_leaves_the_views_where_they_are(views):
    from ResFormerSegLib.scene.result_display import showResultInViews

    volume = makeVolume()
    for logic in views.values():
        logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        logic.GetSliceNode().SetSliceOffset(7)
    result = resultFor(volume, np.s_[0:0, :, :])
    showResultInViews(result, volume)
    assert [logic.GetSliceNode().GetSliceOffset() for logic in views.values()] == [7, 7, 7]


def test_without_any_view_nothing_happens(scene):
    from ResFormerSegLib.scene.result_display import showResultInViews

    volume = makeVolume()
    showResultInViews(resultFor(volume, np.s_[1:2, 1:3, 1:3]), volume)


def test_the_surface_of_much_is_made_the_fast_way(scene, monkeypatch):
    from ResFormerSegLib.scene import result_display

    volume = makeVolume()
    result = resultFor(volume, np.s_[:, :, :])
    monkeypatch.setattr(result_display, "MANY_VOXELS", 100)
    result_display.showResultInViews(result, volume)
    segmentation = result.segmentationNode.GetSegmentation()
    assert segmentation.GetConversionParameter("SurfaceNets smoothing") == "1"
    assert segmentation.GetConversionParameter("Conversion method") == "1"
    assert segmentation.ContainsRepresentation("Closed surface")


def test_surfaces_made_step_by_step_are_those_that_slicer_makes_at_once(scene, logicWith):
    from ResFormerSegLib.scene.result_display import surfaceSteps

    volume = makeVolume((6, 32, 32))
    results = [logicWith("exclusive").process(volume) for _ in range(2)]
    results[0].segmentationNode.CreateClosedSurfaceRepresentation()
    steps = surfaceSteps(results[1], volume)
    assert len(steps) == 3  # one for each segment, and one to show them
    for step in steps[:2]:
        step()
        assert not results[1].segmentationNode.GetSegmentation().ContainsRepresentation("Closed surface")
    steps[2]()
    for identifier in ("tumour", "edema"):
        atOnce, stepwise = vtk.vtkPolyData(), vtk.vtkPolyData()
        assert results[0].segmentationNode.GetClosedSurfaceRepresentation(identifier, atOnce)
        assert results[1].segmentationNode.GetClosedSurfaceRepresentation(identifier, stepwise)
        points = [vtk_to_numpy(surface.GetPoints().GetData()) for surface in (atOnce, stepwise)]
        assert len(points[0]) and np.array_equal(*points)


def test_a_result_deleted_between_two_steps_does_not_hurt(scene, logicWith):
    from ResFormerSegLib.scene.result_display import surfaceSteps

    volume = makeVolume((6, 32, 32))
    result = logicWith("exclusive").process(volume)
    steps = surfaceSteps(result, volume)
    steps[0]()
    scene.RemoveNode(result.segmentationNode)
    for step in steps[1:]:
        step()


def test_the_colours_of_a_picture_are_not_changed_by_a_fill(scene):
    from ResFormerSegLib.scene.result_display import styleSegmentation

    picture = makeVolume(shape=(1, 60, 80, 3), dtype=np.uint8, className="vtkMRMLVectorVolumeNode")
    for volume, filled in ((makeVolume(), True), (picture, False)):
        node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
        styleSegmentation(node, volume)
        assert node.GetDisplayNode().GetVisibility2DFill() == filled
        assert node.GetDisplayNode().GetVisibility2DOutline()
