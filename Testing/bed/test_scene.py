"""The test bed itself: what the other tests take for granted."""

import numpy as np
import slicer
import vtk

from helpers.scene_helpers import makeVolume, parentItem


def test_booting_again_gives_the_same_bed(bed):
    import slicer_bed

    assert slicer_bed.boot() is bed
    assert slicer.mrmlScene is bed.scene


def test_volumes_survive_saving_and_loading(scene, tmp_path):
    volume = makeVolume(oblique=True)
    matrix, loadedMatrix = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    path = tmp_path / "volume.nrrd"
    assert slicer.util.saveNode(volume, str(path), {})
    loaded = slicer.util.loadVolume(str(path), {})
    loaded.GetIJKToRASMatrix(loadedMatrix)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))
    for row in range(3):
        for column in range(4):
            assert abs(matrix.GetElement(row, column) - loadedMatrix.GetElement(row, column)) < 1e-6


def test_nodes_appear_in_the_subject_hierarchy_and_leave_it(scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    volume = makeVolume()
    item = hierarchy.GetItemByDataNode(volume)
    assert parentItem(volume) == hierarchy.GetSceneItemID()
    scene.RemoveNode(volume)
    assert not hierarchy.GetItemByDataNode(volume)
    children = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), children, True)
    assert item not in [children.GetId(index) for index in range(children.GetNumberOfIds())]


def test_segments_are_children_of_their_segmentation(scene):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.GetSegmentation().AddEmptySegment("a", "A")
    children = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetItemByDataNode(node), children, False)
    assert [hierarchy.GetItemName(children.GetId(index)) for index in range(children.GetNumberOfIds())] == ["A"]


def test_a_segmentation_that_was_hidden_before_it_was_added_makes_qt_complain_of_its_segments(scene, bed):
    node = slicer.vtkMRMLSegmentationNode()
    node.SetHideFromEditors(True)
    scene.AddNode(node)
    node.GetSegmentation().AddEmptySegment("tumour", "Tumour")
    assert any("Unable to find subject hierarchy item" in message for message in bed.qtMessages)
    bed.qtMessages.clear()


def test_errors_of_vtk_and_exceptions_in_observers_are_noticed(bed):
    from slicer_bed.watch import watch

    node = slicer.vtkMRMLTextNode()
    with watch(bed) as problems:
        node.AddObserver("ModifiedEvent", lambda caller, event: 1 / 0)
        node.SetText("x")
        vtk.vtkOutputWindow.GetInstance().DisplayErrorText("broken")
    assert problems == ["exception in an observer: ZeroDivisionError: division by zero", "VTK error: broken"]


def test_slice_and_3d_views_show_volume_and_segments(scene, bed):
    from slicer_bed.views import SliceView, ThreeDView

    volume = makeVolume(shape=(10, 40, 50))
    volume.CreateDefaultDisplayNodes()
    with SliceView(bed, "Red", "Axial", (200, 160)) as view:
        view.show(volume)
        plain = view.grab()
    assert plain.shape == (160, 200, 3) and plain.std() > 10
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segment = segmentation.GetSegmentation().AddEmptySegment("ball", "Ball", (1, 0, 0))
    mask = np.zeros((10, 40, 50), np.uint8)
    mask[2:8, 10:30, 10:40] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment, volume)
    segmentation.CreateClosedSurfaceRepresentation()
    with SliceView(bed, "Red", "Axial", (200, 160)) as view:
        view.show(volume)
        withContour = view.grab()
    with ThreeDView(bed, size=(200, 160)) as view:
        view.lookFrom((1, 1, 1))
        surface = view.grab()
    for pixels in (withContour, surface):
        red = (pixels[..., 0].astype(int) - pixels[..., 1]) > 60
        assert red.mean() > 0.02
    assert not ((plain[..., 0].astype(int) - plain[..., 1]) > 60).any()
