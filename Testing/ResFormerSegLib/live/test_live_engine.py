"""Live mode with the real worker: what is on the screen has the answer of a run."""

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume, segmentArray

PATIENCE = 180  # seconds; a worker starts


@pytest.fixture
def nothingLeft(logic, waitFor):
    yield
    from ResFormerSegLib.live import live_engine

    logic.stopLive()
    waitFor(lambda: not live_engine._leaving, 30)


def test_a_slice_that_is_scrolled_to_has_the_answer_of_a_run(scene, mainWindow, nothingLeft, logic, models, waitFor):
    """The model turns the image before the network, and has the intensity limits of the whole image."""
    volume = makeVolume(shape=(4, 40, 50), oblique=True)
    slicer.util.arrayFromVolume(volume)[:] *= 2  # bright enough for the model to segment something
    red, model = mainWindow.views["Red"], str(models / "turned")
    red.show(volume)
    session = logic.live(volume, model, "cpu")
    start = red.logic.GetSliceOffset()
    for step in (0, 1):
        red.logic.SetSliceOffset(start + 3.0 * step)
        waitFor(lambda: session.isAnswered, PATIENCE)
        index = session.answer.report["slices"][0]["index"]
        result = logic.process(volume, model, "cpu", slices=(index, index))
        waitFor(lambda: session.isAnswered, PATIENCE)
        assert session.answer.probabilities == result.probabilities and session.answer.isCurrent
        for entry in ("segments", "slices", "warnings", "largest_lesion", "reasons"):
            assert session.answer.report[entry] == result.report[entry]
        expected = segmentArray(result.segmentationNode, "lesion", volume)
        assert np.array_equal(segmentArray(session.segmentationNode, "lesion", volume), expected)
        assert np.flatnonzero(expected.any((1, 2))).tolist() == [index]
    assert session.counts["changes"] == 0 and not session.isStream
