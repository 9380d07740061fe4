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
