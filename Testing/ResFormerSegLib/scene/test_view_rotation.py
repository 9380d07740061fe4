"""Slice views and the planes of an oblique volume, in views that render."""

import slicer
import vtk

from helpers.scene_helpers import makeVolume


def test_views_are_turned_to_an_oblique_volume_once(mainWindow):
    from ResFormerSegLib.scene.slice_positions import jumpSliceViews, positionOfSlice, sliceOnDisplay
    from ResFormerSegLib.scene.view_rotation import rotateViewsTo

    volume = makeVolume((20, 32, 40), oblique=True)
    assert sliceOnDisplay(volume, 0) is None  # no view lies along its slices
    assert rotateViewsTo(volume)
    assert not rotateViewsTo(volume)
    for index in (3, 17):
        jumpSliceViews(positionOfSlice(volume, 0, index))
        assert sliceOnDisplay(volume, 0) == index


def test_views_of_a_volume_along_the_axes_of_the_patient_stay(mainWindow):
    from ResFormerSegLib.scene.view_rotation import rotateViewsTo

    node = mainWindow.views["Red"].node
    before = node.GetSliceToRAS().GetElement(0, 0)
    assert not rotateViewsTo(makeVolume((20, 32, 40)))
    assert node.GetSliceToRAS().GetElement(0, 0) == before
    assert not rotateViewsTo(None)


def test_a_volume_under_a_turned_transform_is_oblique(scene, mainWindow):
    from ResFormerSegLib.scene.slice_positions import jumpSliceViews, positionOfSlice, sliceOnDisplay
    from ResFormerSegLib.scene.view_rotation import isOblique, rotateViewsTo

    volume = makeVolume((20, 32, 40))
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkTransform()
    turn.RotateWXYZ(35, 1, 2, 3)
    transform.SetMatrixTransformToParent(turn.GetMatrix())
    volume.SetAndObserveTransformNodeID(transform.GetID())
    assert isOblique(volume) and rotateViewsTo(volume)
    for index in (3, 17):
        jumpSliceViews(positionOfSlice(volume, 0, index))
        assert sliceOnDisplay(volume, 0) == index
