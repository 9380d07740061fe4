"""A volume that is changed while the engine works on it: its result does not enter the scene."""

import numpy as np
import pytest
import slicer

from helpers.scene_helpers import makeVolume, sceneState


def otherVoxels(volume) -> None:
    slicer.util.updateVolumeFromArray(volume, np.zeros((2, 6, 6), np.int16))


def oneVoxel(volume) -> None:
    slicer.util.arrayFromVolume(volume)[1, 2, 3] = 99
    slicer.util.arrayFromVolumeModified(volume)


def otherPlace(volume) -> None:
    volume.SetOrigin(500, 500, 500)


@pytest.mark.parametrize("change", [otherVoxels, oneVoxel, otherPlace])
@pytest.mark.parametrize("method", ["process", "explain"])
def test_a_change_of_the_volume_is_said_and_the_scene_is_as_before(scene, logicWith, method, change):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume()
    before = sceneState()
    changes = []

    def onProgress(fraction, message) -> None:
        if fraction > 0 and not changes:
            changes.append(change(volume))

    with pytest.raises(ResFormerSegError) as caught:
        getattr(logicWith("exclusive"), method)(volume, progress=onProgress)
    assert caught.value.code == "VOLUME_CHANGED" and "'Brain'" in caught.value.message and caught.value.hint
    assert sceneState() == before


def test_the_other_phase_is_watched_too(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    volumes = makeVolume(name="Diastole"), makeVolume(name="Systole")

    def onProgress(fraction, message) -> None:
        if fraction > 0.5:
            volumes[0].SetOrigin(500, 500, 500)

    before = sceneState()
    with pytest.raises(ResFormerSegError, match="'Diastole' was changed during the run"):
        logicWith("exclusive").processPatient(*volumes, "cardiac-mr", progress=onProgress)
    assert sceneState() == before


def test_a_volume_that_was_only_touched_is_the_same(scene, logicWith):
    volume = makeVolume(dtype=np.float32)
    slicer.util.arrayFromVolume(volume)[0, 0, 0] = np.nan  # not equal to itself
    logic = logicWith("exclusive")
    result = logic.process(volume, progress=lambda *news: slicer.util.arrayFromVolumeModified(volume))
    assert result.segmentationNode is not None
