"""A live session: scrolling, a sequence that plays, a stream, what may go wrong meanwhile, and what is left of it."""

import re

import numpy as np
import pytest
import slicer

from helpers.fake_live_worker import DIES, FAILS, SLOW
from helpers.scene_helpers import makeVolume, sceneState, segmentArray
from helpers.scene_sequences import makeSequence, showFrame
from slicer_bed.processes import workers

PATIENCE = 60  # seconds; a worker starts


def picture(bright=0.3, first=0, size=(40, 50), seed=0):
    """uint8 (1, rows, columns); the first voxel tells the fake worker what to do."""
    voxels = np.zeros((1, *size), np.uint8) + 20
    voxels[0, 5 : 5 + int(bright * size[0]), 8 : size[1] - 8 - seed] = 200
    voxels[0, 0, 0] = first
    return voxels


def stream(voxels=None):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Ultrasound")
    slicer.util.updateVolumeFromArray(node, picture() if voxels is None else voxels)
    node.SetSpacing(0.3, 0.3, 0.3)
    node.CreateDefaultDisplayNodes()
    return node


def push(node, voxels):
    slicer.util.updateVolumeFromArray(node, voxels)


def lesionOf(voxels):
    return voxels > 128


def mask(session, volume):
    return segmentArray(session.segmentationNode, "lesion", volume)


def composites():
    nodes = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    return [(node.GetBackgroundVolumeID(), node.GetForegroundVolumeID()) for node in nodes]


def test_scrolling_hides_the_contour_at_once_and_shows_that_of_the_new_slice(mainWindow, live, waitFor):
    volume = makeVolume(shape=(4, 40, 50), dtype=np.uint8)
    slicer.util.updateVolumeFromArray(volume, np.concatenate([picture(0.2 + 0.1 * k, seed=k) for k in range(4)]))
    red = mainWindow.views["Red"]
    red.show(volume)
    before = sceneState(), composites()
    session = live(volume)
    waitFor(lambda: session.isAnswered, PATIENCE)
    start = red.logic.GetSliceOffset()
    for step in (1, -1, 1):  # also back to one that was answered before
        red.logic.SetSliceOffset(start + 3.0 * step)
        assert not session._screen.contour.isVisible and not session.isAnswered
        waitFor(lambda: session.isAnswered, PATIENCE)
        (row,) = session.answer.report["slices"]
        expected = lesionOf(slicer.util.arrayFromVolume(volume))
        assert np.array_equal(mask(session, volume)[row["index"]], expected[row["index"]])
        assert mask(session, volume).any((1, 2)).sum() == 1
        assert session.answer.probability == pytest.approx(max(1 - expected[row["index"]].mean(), 0.5))
    assert session.text.startswith("Benign") and session.smoothing
    red.logic.SetSliceOffset(start + 100)
    waitFor(lambda: "slice view" in session.text)
    assert not session._screen.contour.isVisible
    session.stop()
    red.logic.SetSliceOffset(start)
    assert not unlike(before) and session.text == ""
    assert red.renderer.GetActors2D().GetNumberOfItems() == emptyActors(mainWindow)


def unlike(before):
    """What was added to the scene and what is missing from it, and the views' volumes if they are others.

    `arrayFromSegmentBinaryLabelmap` of the application, which `mask` calls, leaves display nodes behind.
    """
    (nodes, names), shown = sceneState(), composites()
    (oldNodes, oldNames), oldShown = before
    changes = [set(nodes) ^ set(oldNodes), set(names) ^ set(oldNames), [] if shown == oldShown else shown]
    changes[0] = {node for node in changes[0] if not node[0].startswith("vtkMRMLLabelMapVolumeDisplayNode")}
    return [change for change in changes if change]


def emptyActors(window):
    """2D actors of a view that live mode does not use."""
    return window.views["Green"].renderer.GetActors2D().GetNumberOfItems()


def test_a_sequence_that_plays_is_followed_and_image_and_contour_belong_together(mainWindow, live, waitFor):
    frames = [picture(0.1 + 0.1 * number, seed=number) for number in range(6)]
    volume, sequence, browser = makeSequence(frames, spacing=(0.3, 0.3, 0.3))
    red = mainWindow.views["Red"]
    red.show(volume)
    before = sceneState(), composites()
    session = live(volume)
    seen = []

    def note(frame, answer, labels):
        """What the view shows: the background's voxels, and the contour over them."""
        shown = slicer.mrmlScene.GetNodeByID(red.compositeNode.GetBackgroundVolumeID())
        seen.append(np.array_equal(mask(session, shown), lesionOf(slicer.util.arrayFromVolume(shown))))

    session.onFrame = note
    waitFor(lambda: session.isAnswered, PATIENCE)
    for number in (1, 2, 3, 4, 5):
        showFrame(browser, number)
        waitFor(lambda number=number: session.counts["drawn"] > number, PATIENCE)
    waitFor(lambda: session.answer.isCurrent and not session._waiting, PATIENCE)
    assert session.isStream and len(seen) >= 5 and all(seen)
    assert np.array_equal(mask(session, volume), lesionOf(frames[5]))
    assert red.compositeNode.GetBackgroundVolumeID() != volume.GetID()
    red.compositeNode.SetBackgroundVolumeID(volume.GetID())  # the user selects the volume again
    assert red.compositeNode.GetBackgroundVolumeID() != volume.GetID()
    session.stop()
    assert not unlike(before)


def test_probabilities_of_a_stream_are_smoothed_unless_that_is_off(live, waitFor, monkeypatch):
    from ResFormerSegLib.live import session as live_session

    monkeypatch.setattr(live_session, "PAUSE_SECONDS", 1000.0)  # on a slow computer, too
    volume, shown = stream(picture(0.1)), []
    session = live(volume)
    waitFor(lambda: session.isAnswered, PATIENCE)
    for bright, smoothing in ((0.2, True), (0.8, True), (0.3, False)):
        session.smoothing = smoothing
        push(volume, picture(bright))
        waitFor(lambda: session.isAnswered, PATIENCE)
        raw = session.answer.report["diagnosis"]["probabilities"]
        shown.append((session.answer.probabilities, raw))
        assert sum(session.answer.probabilities.values()) == pytest.approx(1)
    (first, firstRaw), (second, secondRaw), (last, lastRaw) = shown
    assert first == firstRaw and last == lastRaw
    assert firstRaw["malignant"] < second["malignant"] < secondRaw["malignant"]


def test_a_stream_without_a_view_is_answered_and_its_contour_goes_with_the_next_image(live, waitFor):
    volume = stream()
    session = live(volume)
    waitFor(lambda: session.isAnswered, PATIENCE)
    push(volume, picture(0.5, first=SLOW))
    assert not session._screen.contour.isVisible
    waitFor(lambda: session._waiting)
    for bright in (0.6, 0.7):
        push(volume, picture(bright))
    assert not session._screen.contour.isVisible
    waitFor(lambda: session.isAnswered, PATIENCE)
    assert np.array_equal(mask(session, volume), lesionOf(picture(0.7)))
    push(volume, picture(0.3, size=(64, 30)))  # another size, in mid-run
    waitFor(lambda: session.isAnswered, PATIENCE)
    assert np.array_equal(mask(session, volume), lesionOf(picture(0.3, size=(64, 30))))
    push(volume, picture(first=FAILS))
    waitFor(lambda: "black" in session.text, PATIENCE)
    assert not session._screen.contour.isVisible
    push(volume, picture())
    waitFor(lambda: session.isAnswered, PATIENCE)


def test_a_worker_that_dies_is_replaced_once_and_the_second_time_live_mode_ends_with_the_reason(live, waitFor, caplog):
    volume, ends = stream(), []
    before = sceneState(), composites()
    session = live(volume, onStopped=ends.append)
    waitFor(lambda: session.isAnswered, PATIENCE)
    push(volume, picture(first=DIES))
    waitFor(lambda: session.counts["restarts"] == 1, PATIENCE)
    assert "started again" in session.text
    push(volume, picture(0.6))
    waitFor(lambda: session.isAnswered, PATIENCE)
    assert np.array_equal(mask(session, volume), lesionOf(picture(0.6))) and not ends
    push(volume, picture(first=DIES))
    waitFor(lambda: ends, PATIENCE)
    assert ends[0].code == "ENGINE_CRASHED" and session.isOver and not unlike(before)


@pytest.mark.parametrize("end", ["source", "scene"])
def test_the_end_of_the_source_or_the_scene_ends_live_mode(mainWindow, live, waitFor, end):
    volume, ends = stream(), []
    mainWindow.views["Red"].show(volume)
    session = live(volume, onStopped=ends.append)
    waitFor(lambda: session.isAnswered, PATIENCE)
    push(volume, picture(0.5))
    waitFor(lambda: session.counts["drawn"] > 1, PATIENCE)
    if end == "source":
        slicer.mrmlScene.RemoveNode(volume)
    else:
        slicer.mrmlScene.Clear(False)
    waitFor(lambda: ends)
    assert session.isOver and [error and error.code for error in ends] == ["INPUT_REMOVED" if end == "source" else None]
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert not slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")


def test_a_deleted_live_segmentation_comes_back_and_other_observers_of_the_node_keep_working(live, waitFor):
    volume, seen = stream(), []
    volume.AddObserver(slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, lambda caller, event: seen.append(event))
    session = live(volume)
    waitFor(lambda: session.isAnswered, PATIENCE)
    slicer.mrmlScene.RemoveNode(session.segmentationNode)
    push(volume, picture(0.6))
    waitFor(lambda: session.segmentationNode is not None and session.isAnswered, PATIENCE)
    session.stop()
    count = len(seen)
    push(volume, picture(0.2))
    assert count and len(seen) > count


def test_a_volume_that_no_view_shows_is_shown_and_nothing_of_live_mode_is_saved(mainWindow, live, waitFor, tmp_path):
    volume = stream()
    session = live(volume)
    red = mainWindow.views["Red"].compositeNode
    assert red.GetBackgroundVolumeID() == volume.GetID()
    waitFor(lambda: session.isAnswered, PATIENCE)
    push(volume, picture(0.5))
    waitFor(lambda: session.counts["drawn"] > 1, PATIENCE)
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    slicer.mrmlScene.Commit()
    saved = (tmp_path / "scene.mrml").read_text()
    assert not re.search(r"<Segmentation\b", saved) and len(re.findall(r"<Volume\b", saved)) == 1


def test_the_application_may_quit_while_live_mode_is_on(live, waitFor, bed):
    volume, ends = stream(), []
    session = live(volume, onStopped=ends.append)
    waitFor(lambda: session.isAnswered, PATIENCE)
    bed.qtApplication.aboutToQuit.emit()
    assert ends == [None] and session.isOver and not workers()


def test_a_run_pauses_live_mode_and_it_goes_on_afterwards(scene, logicWith, liveWorker, waitFor):
    logic = logicWith("paced")
    volume = stream()
    session = logic.live(volume, "brain-tumor-mr", "cpu")
    waitFor(lambda: session.isAnswered, PATIENCE)
    ends = []
    logic.process(volume, "brain-tumor-mr", "cpu", wait=False, onFinished=ends.append, onFailed=ends.append)
    waitFor(lambda: "paused" in session.text)
    assert not session._screen.contour.isVisible
    waitFor(lambda: ends, PATIENCE)
    assert ends[0].segmentationNode is not session.segmentationNode
    waitFor(lambda: session.isAnswered and session._screen.contour.isVisible, PATIENCE)
    second = logic.live(volume, "brain-tumor-mr", "cpu")  # ends the first
    assert session.isOver and not second.isOver
    waitFor(lambda: second.isAnswered, PATIENCE)
    logic.cleanup()
    assert second.isOver


def test_a_narrow_view_shows_each_part_of_the_text_in_a_line_of_its_own(mainWindow):
    from ResFormerSegLib.live.corner_text import CornerText

    corner, red = CornerText(), mainWindow.views["Red"]
    parts = ["Not reliable: unlike the training images", "Benign lesion 81 %"]
    corner.show(" · ".join(parts), [red.node], isDoubtful=True)
    (actor,) = [prop for prop in red.renderer.GetViewProps() if prop.IsA("vtkTextActor")]
    assert red.renderer.GetSize()[0] < 400 and actor.GetInput() == "\n".join(parts)
    size = [0.0, 0.0]
    actor.GetSize(red.renderer, size)
    assert size[0] < red.renderer.GetSize()[0]
    corner.show("Benign lesion 81 %", [red.node])
    assert actor.GetInput() == "Benign lesion 81 %"
    corner.remove()
