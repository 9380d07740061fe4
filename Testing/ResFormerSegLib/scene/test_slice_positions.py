"""The slice shown is the one that the user sees: views that are not in the layout do not count."""

import pytest
import slicer

from helpers.scene_helpers import makeVolume


@pytest.fixture
def volume(mainWindow):
    """Of 30 axial slices; the hidden red view shows slice 3, the only view in the window slice 20."""
    from ResFormerSegLib.scene.slice_positions import worldFromIjk

    node = makeVolume((30, 32, 32))
    views = {view: slicer.util.getNode(f"vtkMRMLSliceNode{view}") for view in ("Red", "Green", "Yellow")}
    for view, index in (("Red", 3), ("Yellow", 20)):
        views[view].SetOrientation("Axial")
        views[view].JumpSliceByCentering(*worldFromIjk(node, (16, 16, index)))
    for view in ("Red", "Green"):
        views[view].SetMappedInLayout(0)
    yield node
    for view, plane in (("Red", "Axial"), ("Green", "Coronal"), ("Yellow", "Sagittal")):
        views[view].SetMappedInLayout(1)
        views[view].SetOrientation(plane)


def test_apply_and_explain_take_the_slice_of_the_view_in_the_window(volume, workerThat, openPanel):
    from ResFormerSegLib.scene.slice_positions import sliceOnDisplay

    workerThat("exclusive")
    widget = openPanel()
    widget._parameterNode.sliceSelection = "current"
    assert widget.panel.advanced.options(volume, widget.panel.models.model())["slices"] == (20, 20)
    assert sliceOnDisplay(volume, 0) == 20


def test_a_view_that_shows_the_volume_comes_before_one_that_shows_another(mainWindow):
    from ResFormerSegLib.scene.slice_positions import sliceOnDisplay, worldFromIjk

    other, own = makeVolume((6, 32, 32), name="Other"), makeVolume((6, 32, 32), name="Own")
    views = {name: mainWindow.views[name] for name in ("Red", "Green")}
    for (name, view), (volume, index) in zip(views.items(), ((other, 1), (own, 4)), strict=True):
        view.show(volume)
        sliceNode = slicer.util.getNode(f"vtkMRMLSliceNode{name}")
        sliceNode.SetOrientation("Axial")
        sliceNode.JumpSliceByCentering(*worldFromIjk(own, (16, 16, index)))
    assert (sliceOnDisplay(own, 0), sliceOnDisplay(other, 0)) == (4, 1)
    views["Green"].show(other)
    assert sliceOnDisplay(own, 0) == 1  # none shows it: the first, as a view may be chosen only afterwards
    slicer.util.getNode("vtkMRMLSliceNodeGreen").SetOrientation("Coronal")


def test_without_a_view_along_the_slices_the_panel_says_so(volume, workerThat, openPanel, click):
    workerThat("exclusive")
    widget = openPanel()
    widget._parameterNode.sliceSelection = "current"
    slicer.util.getNode("vtkMRMLSliceNodeYellow").SetOrientation("Sagittal")
    click(widget.ui.applyButton)
    assert "No slice view shows a slice of" in widget.ui.messageLabel.text
    assert not widget.panel.run.isRunning


def test_a_hidden_view_that_moves_is_not_followed(volume):
    from ResFormerSegLib.panel.chart.slice_following import SliceFollower
    from ResFormerSegLib.scene.slice_positions import worldFromIjk

    reported = []
    follower = SliceFollower(reported.append)
    follower.follow(volume, 0)
    slicer.util.getNode("vtkMRMLSliceNodeRed").JumpSliceByCentering(*worldFromIjk(volume, (16, 16, 7)))
    follower._report()
    follower.stop()
    assert reported == [20]
