"""A run that the panel starts: it returns at once, tells how it goes, and ends with one of two calls."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume, sceneState


class Listener:
    """Remembers what a job tells, and waits for its end."""

    def __init__(self) -> None:
        self.progress, self.ends = [], []
        self.times: dict[str, float] = {}  # when each message came
        self.clock = time.monotonic

    def callbacks(self) -> dict:
        return {
            "onProgress": self.note,
            "onFinished": self.ends.append,
            "onFailed": self.ends.append,
        }

    def note(self, *news) -> None:
        self.progress.append(news)
        self.times[news[1]] = self.clock()

    def wait(self):
        from slicer_bed.watch import waitFor

        waitFor(lambda: self.ends, timeout=30)
        (end,) = self.ends
        return end


@pytest.fixture
def listener():
    return Listener()


def test_it_returns_at_once_and_calls_back_with_the_result(scene, logicWith, listener):
    volume = makeVolume()
    before = sceneState()
    job = logicWith("exclusive").process(volume, wait=False, **listener.callbacks())
    assert not job.isOver and not listener.progress and sceneState() == before
    result = listener.wait()
    assert job.isOver
    assert result.segmentationNode.GetSegmentation().GetNumberOfSegments() == 2
    assert result.volumeNode is volume


def test_callbacks_may_be_set_on_the_job_that_was_returned(scene, logicWith, listener):
    job = logicWith("exclusive").process(makeVolume(), wait=False)
    job.onFinished = listener.ends.append
    assert listener.wait().diagnosis == "glioma"


def test_progress_tells_fraction_words_and_the_seconds_that_are_left(scene, logicWith, listener, monkeypatch):
    import ResFormerSegLib.runs.progress

    looks = []  # at the clock: what is late in between does not count

    def look() -> float:
        looks.append(time.monotonic())
        return looks[-1]

    monkeypatch.setattr(ResFormerSegLib.runs.progress, "time", SimpleNamespace(monotonic=look))
    listener.clock = lambda: looks[-1]
    logicWith("paced").process(makeVolume(), wait=False, **listener.callbacks())
    listener.wait()
    fractions = [fraction for fraction, _, _ in listener.progress]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    left = {message: seconds for _, message, seconds in listener.progress}
    assert left["Segmenting"] is None
    took = listener.times["Slice 5 of 10"] - listener.times["Segmenting"]
    assert left["Slice 5 of 10"] == pytest.approx(took)
    assert left["Slice 10 of 10"] == 0


def test_a_failure_is_reported_once_and_nothing_is_left(scene, logicWith, listener):
    volume = makeVolume()
    before = sceneState()
    logicWith("segfault").process(volume, wait=False, **listener.callbacks())
    assert listener.wait().code == "ENGINE_CRASHED"
    assert sceneState() == before


@pytest.mark.parametrize("behaviour", ["slow", "exclusive"])
def test_cancelling_before_it_began_is_reported_at_once(scene, logicWith, listener, behaviour):
    job = logicWith(behaviour).process(makeVolume(), wait=False, **listener.callbacks())
    job.cancel()
    job.cancel()
    assert listener.wait().code == "CANCELLED"
    job.cancel()
    assert len(listener.ends) == 1


def test_the_next_run_may_be_started_from_the_call_that_ends_one(scene, logicWith, listener):
    logic = logicWith("exclusive")
    logic.process(
        makeVolume(name="first"),
        wait=False,
        onFinished=lambda result: logic.process(makeVolume(name="second"), wait=False, **listener.callbacks()),
    )
    assert listener.wait().report["case"] == "second"


def test_a_closed_scene_ends_it(scene, logicWith, listener):
    logicWith("slow").process(makeVolume(), wait=False, **listener.callbacks())
    from slicer_bed.watch import waitFor

    waitFor(lambda: any(fraction > 0 for fraction, _, _ in listener.progress))
    scene.Clear(False)
    assert listener.wait().code == "INPUT_REMOVED"


def test_options_are_passed_on_in_the_engines_words(scene, logicWith):
    result = logicWith("exclusive").process(
        makeVolume(), sliceAxis="axial", slices=(1, 2), minimumAreaMm2=5.0, smoothingMm=1.5
    )
    assert result.report["command"]["options"] == {
        "slice_axis": "axial", "slices": [1, 2], "min_area_mm2": 5.0, "smoothing_mm": 1.5, "probability_maps": False
    }  # fmt: skip


def test_probability_maps_become_volumes_beside_the_image(scene, logicWith):
    from helpers.scene_helpers import parentItem

    volume = makeVolume(oblique=True)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    result = logicWith("exclusive").process(volume, probabilityMaps=True)
    assert list(result.probabilityMapNodes) == ["tumour", "edema"]
    for (identifier, node), share in zip(result.probabilityMapNodes.items(), (80, 20), strict=True):
        voxels = slicer.util.arrayFromVolume(node)
        assert voxels.shape == (3, 8, 10) and voxels.dtype == np.uint8 and (voxels == share).all()
        assert node.GetAttribute("ResFormerSeg.ProbabilityOf") == identifier
        assert node.GetParentTransformNode() is transform and parentItem(node) == parentItem(volume)
        assert node.GetSpacing() == pytest.approx(volume.GetSpacing())
        assert node.GetOrigin() == pytest.approx(volume.GetOrigin())
    assert result.probabilityMapNodes["tumour"].GetName() == "Brain Tumour probability"


def test_without_being_asked_for_there_are_no_probability_maps(scene, logicWith):
    assert logicWith("exclusive").process(makeVolume()).probabilityMapNodes == {}
    assert scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_a_temporary_folder_of_a_non_ascii_name_works(scene, logicWith, bed, monkeypatch, tmp_path):
    folder = tmp_path / "Jürgen Øllgård 頭"
    folder.mkdir()
    monkeypatch.setattr(bed.app, "temporaryPath", str(folder))
    result = logicWith("exclusive").process(makeVolume())
    assert str(folder) in result.report["command"]["output"]
    assert not list(folder.iterdir())


def test_two_thousand_slices_and_a_single_one(scene, logicWith):
    for count in (2000, 1):
        result = logicWith("exclusive").process(makeVolume(shape=(count, 8, 10)))
        assert result.tableNode.GetNumberOfRows() == count
