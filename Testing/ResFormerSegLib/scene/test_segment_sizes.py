"""Sizes of segments as they are now."""

import numpy as np
import pytest

from helpers.scene_helpers import makeVolume
from helpers.section_helpers import makeResult


def test_segments_that_are_surfaces_have_their_size_and_stay_surfaces(scene):
    from ResFormerSegLib.scene.segment_sizes import measureSegments

    volume = makeVolume((20, 40, 50))
    volume.SetSpacing(1, 1, 1)
    node = makeResult(volume, np.s_[4:16, 8:32, 10:40]).segmentationNode
    [before] = measureSegments(node, True)
    assert before["voxels"] == 12 * 24 * 30 and before["volume_mm3"] == before["voxels"]
    node.CreateClosedSurfaceRepresentation()
    node.SetSourceRepresentationToClosedSurface()
    node.GetSegmentation().RemoveRepresentation("Binary labelmap")
    [row] = measureSegments(node, True)
    assert row["volume_mm3"] == pytest.approx(before["volume_mm3"], rel=0.15)
    assert not node.GetSegmentation().ContainsRepresentation("Binary labelmap")
    assert measureSegments(node, False)[0]["volume_mm3"] is None


def test_every_change_of_voxels_and_names_is_measured_and_no_other(scene, bed, waitFor):
    """Of a segmentation with a single segment a script's change has another event than that of the Segment Editor."""
    import slicer

    from ResFormerSegLib.panel.edit_watch import EditWatch
    from ResFormerSegLib.scene.user_edits import rememberUnedited

    volume, measured = makeVolume((6, 20, 24)), []
    node = makeResult(volume, np.s_[2:4, 4:10, 4:12]).segmentationNode
    rememberUnedited(node)
    watch = EditWatch(measured.append)
    watch.watch(node, True)
    node.GetSegmentation().GetNthSegment(0).SetColor(0, 1, 0)
    node.CreateClosedSurfaceRepresentation()
    assert not watch._timer.isActive()
    mask = np.zeros((6, 20, 24), np.uint8)
    mask[2, 4:6, 4:6] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, "lesion", volume)
    waitFor(lambda: measured)
    assert [row["voxels"] for row in measured[0]] == [4]
    node.GetSegmentation().GetNthSegment(0).SetName("Cyst")
    waitFor(lambda: len(measured) == 2)
    assert measured[1][0]["name"] == "Cyst"
    watch.cleanup()
