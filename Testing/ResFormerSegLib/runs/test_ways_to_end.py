"""Every way in which a run can end other than with a result: a clear error, and a scene as it was before.

The fixtures check besides that no worker outlives its run and that no temporary folder stays."""

import os
import signal
import sys

import pytest
import slicer

from helpers.scene_helpers import later, makeVolume, sceneState, stateOf, when


@pytest.fixture
def fails(scene, logicWith):
    """`fails(behaviour)`: runs it on a volume, checks that the scene is unchanged, and returns the error."""
    from ResFormerSegLib.errors import ResFormerSegError

    def run(behaviour: str, limits: dict | None = None, logic=None, **options):
        volume = makeVolume()
        before = sceneState(), stateOf(volume)
        with pytest.raises(ResFormerSegError) as caught:
            (logic or logicWith(behaviour, **(limits or {}))).process(volume, **options)
        assert (sceneState(), stateOf(volume)) == before
        assert caught.value.message in str(caught.value)
        return caught.value

    return run


def test_an_error_of_the_engine_is_passed_on_with_its_hint(fails):
    error = fails("error")
    assert error.code == "CONSTANT_IMAGE"
    assert str(error) == "All voxels are equal. Choose another image."


def test_a_crash_is_named_by_its_signal(fails):
    error = fails("segfault")
    assert error.code == "ENGINE_CRASHED"
    assert "SIGSEGV" in error.message and error.hint


def test_a_killed_engine_points_to_memory(fails):
    error = fails("killed")
    assert error.code == "ENGINE_KILLED"
    assert "memory" in error.message


def test_an_engine_that_speaks_nonsense_and_leaves_is_reported(fails):
    error = fails("garbage")
    assert error.code == "ENGINE_GARBLED"
    assert "not JSON" in error.details


def test_an_engine_that_stops_by_itself_shows_its_last_words(fails):
    error = fails("exit code")
    assert error.code == "ENGINE_STOPPED"
    assert "exit code 3" in error.message
    assert "Something went wrong in here" in error.details


def test_a_missing_package_is_named(fails):
    error = fails("missing package")
    assert error.code == "ENGINE_INCOMPLETE"
    assert "'torch'" in error.message


def test_an_engine_that_falls_silent_is_stopped(fails):
    assert fails("silence", {"silenceSeconds": 0.3}).code == "ENGINE_SILENT"


def test_an_engine_that_never_says_its_first_word_is_stopped(fails):
    assert fails("never ready", {"startSeconds": 0.3}).code == "ENGINE_SILENT"


def test_a_program_that_does_not_exist_is_named(fails, module):
    from ResFormerSegLib.engine.process import EngineProcess

    logic = module.ResFormerSegLogic(makeEngine=lambda: EngineProcess(["no-such-python", "-m", "engine"]))
    error = fails("", logic=logic)
    assert error.code == "ENGINE_NOT_STARTED"
    assert "no-such-python" in error.message


@pytest.mark.parametrize("behaviour", ["lost labels", "wrong shape"])
def test_a_result_that_does_not_fit_is_refused(fails, behaviour):
    error = fails(behaviour)
    assert error.code == "RESULT_INVALID"
    cause = {"lost labels": "FileNotFoundError", "wrong shape": "ValueError: an array of (1, 2, 8, 10) uint8"}
    assert error.details.startswith(cause[behaviour])


def test_a_report_that_cannot_be_understood_is_refused(fails):
    assert fails("bad report").code == "RESULT_NOT_IMPORTED"


def test_a_run_is_cancelled_when_asked(fails):
    asked = []

    def isCancelled() -> bool:
        asked.append(True)
        return len(asked) > 3

    assert fails("slow", isCancelled=isCancelled).code == "CANCELLED"


def test_an_engine_that_ignores_cancelling_is_ended_all_the_same(fails, monkeypatch):
    import ResFormerSegLib.runs.job

    monkeypatch.setattr(ResFormerSegLib.runs.job, "CANCEL_SECONDS", 0.3)
    assert fails("deaf", isCancelled=lambda: True).code == "CANCELLED"


def test_a_crash_while_cancelling_counts_as_cancelled(fails):
    assert fails("dies when cancelled", isCancelled=lambda: True).code == "CANCELLED"


def test_prints_of_a_library_do_not_spoil_a_run(scene, logicWith):
    assert logicWith("printing").process(makeVolume()).diagnosis == "glioma"


@pytest.mark.parametrize("milliseconds", [0, 400], ids=["while it is exported", "while the engine works"])
def test_a_volume_deleted_during_the_run_ends_it(scene, logicWith, milliseconds):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume()
    before = scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
    later(milliseconds, lambda: scene.RemoveNode(volume))
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("slow").process(volume)
    assert caught.value.code == "INPUT_REMOVED"
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == before


def test_an_output_segmentation_deleted_during_the_run_ends_it(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    output = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    later(400, lambda: scene.RemoveNode(output))
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("slow").process(makeVolume(), outputSegmentation=output)
    assert caught.value.code == "INPUT_REMOVED"


def test_a_volume_deleted_before_the_result_is_put_into_the_scene_gets_none(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume()

    def deleteAtTheEnd(fraction: float, message: str) -> None:
        if fraction == 1 and "scene" in message:
            scene.RemoveNode(volume)

    with pytest.raises(ResFormerSegError) as caught:
        logicWith("exclusive").process(volume, progress=deleteAtTheEnd)
    assert caught.value.code == "INPUT_REMOVED"
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_a_scene_closed_during_the_run_ends_it_and_stays_empty(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    later(400, lambda: scene.Clear(False))
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("slow").process(makeVolume())
    assert caught.value.code == "INPUT_REMOVED"
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_a_scene_saved_during_the_run_does_not_disturb_it(scene, logicWith, tmp_path):
    saved = []
    later(400, lambda: saved.append(slicer.util.saveScene(str(tmp_path / "scene.mrb"), {})))
    assert logicWith("paced").process(makeVolume()).diagnosis == "glioma"
    assert saved == [True]


def test_the_end_of_the_application_ends_the_run_and_the_worker_at_once(scene, logicWith, bed, tmp_path):
    from ResFormerSegLib.errors import ResFormerSegError

    pidFile = tmp_path / "worker0.pid"
    when(lambda: pidFile.exists() and pidFile.read_text(), lambda: bed.qtApplication.aboutToQuit.emit())
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("deaf").process(makeVolume())
    assert caught.value.code == "ENGINE_CLOSED"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pidFile.read_text()), 0)


def test_a_call_that_waits_ends_with_the_application(scene, logicWith, bed):
    from ResFormerSegLib.errors import ResFormerSegError

    codes = []

    def run() -> None:
        with pytest.raises(ResFormerSegError) as caught:
            logicWith("slow").process(makeVolume())
        codes.append(caught.value.code)

    later(0, run)
    later(500, lambda: bed.qtApplication.exit(0))
    bed.qtApplication.exec()
    assert codes == ["ENGINE_CLOSED"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_a_worker_killed_from_outside_during_a_run_is_reported(scene, logicWith, tmp_path):
    from ResFormerSegLib.errors import ResFormerSegError

    def kill(fraction: float, message: str) -> None:
        if fraction > 0:
            os.kill(int((tmp_path / "worker0.pid").read_text()), signal.SIGKILL)

    with pytest.raises(ResFormerSegError) as caught:
        logicWith("slow").process(makeVolume(), progress=kill)
    assert caught.value.code == "ENGINE_KILLED"


def test_a_failing_gpu_is_replaced_by_the_cpu_once_with_a_warning(scene, logicWith):
    messages = []
    result = logicWith("broken gpu").process(makeVolume(), progress=lambda fraction, message: messages.append(message))
    assert result.diagnosis == "glioma"
    (warning,) = [row for row in result.warnings if row["code"] == "CPU_AFTER_GPU_FAILURE"]
    assert "CPU" in warning["message"] and any("GPU failed" in message for message in messages)


def test_a_worker_that_fails_in_the_same_way_on_the_cpu_is_not_started_a_third_time(fails):
    error = fails("broken")
    assert error.code == "ENGINE_GPU_BROKEN"
    assert error.hint and "illegal memory access" in error.details


def test_an_event_that_makes_no_sense_is_reported(fails):
    error = fails("nonsense event")
    assert error.code == "ENGINE_GARBLED" and "many" in error.details


def test_a_worker_that_closes_its_output_and_lives_on_is_stopped(fails):
    assert fails("closes stdout", {"silenceSeconds": 0.3}).code == "ENGINE_SILENT"


def test_a_volume_that_is_changed_while_it_is_written_is_not_half_old_and_half_new(scene, logicWith, monkeypatch):
    import qt

    import ResFormerSegLib.engine.array_file
    import ResFormerSegLib.runs.job
    from ResFormerSegLib.errors import ResFormerSegError

    monkeypatch.setattr(ResFormerSegLib.engine.array_file, "PIECE", 1024)
    monkeypatch.setattr(ResFormerSegLib.runs.job, "STEP_SECONDS", 1e-6)
    volume = makeVolume(shape=(20, 40, 40))
    clock = qt.QTimer()
    clock.connect("timeout()", lambda: slicer.util.arrayFromVolumeModified(volume))
    clock.start(0)
    with pytest.raises(ResFormerSegError) as caught:
        logicWith("exclusive").process(volume)
    clock.stop()
    assert caught.value.code == "VOLUME_CHANGED"


def test_a_failure_while_importing_leaves_the_scene_and_the_given_segmentation_as_they_were(
    scene, logicWith, monkeypatch
):
    import ResFormerSegLib.runs.prediction
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume()
    output = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    output.CreateDefaultDisplayNodes()
    output.GetSegmentation().AddEmptySegment("old", "My own work")
    before = sceneState()

    def failing(*arguments) -> None:
        raise MemoryError("no room for a table")

    monkeypatch.setattr(ResFormerSegLib.runs.prediction, "fillDiagnosisTable", failing)
    for given in (None, output):
        with pytest.raises(ResFormerSegError, match="no room for a table"):
            logicWith("exclusive").process(volume, outputSegmentation=given)
        assert sceneState() == before
    assert list(output.GetSegmentation().GetSegmentIDs()) == ["old"]
    assert output.GetSegmentation().GetSegment("old").GetName() == "My own work"


def test_a_failure_while_importing_gives_the_segments_their_own_display_back(scene, logicWith, monkeypatch):
    import ResFormerSegLib.runs.prediction
    from ResFormerSegLib.errors import ResFormerSegError

    output = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
    output.CreateDefaultDisplayNodes()
    display = output.GetDisplayNode()
    for identifier in ("hidden", "faint"):
        output.GetSegmentation().AddEmptySegment(identifier)
    display.SetSegmentVisibility("hidden", False)
    display.SetSegmentOpacity3D("faint", 0.25)
    display.SetSegmentOpacity2DFill("faint", 0.5)
    monkeypatch.setattr(ResFormerSegLib.runs.prediction, "fillDiagnosisTable", lambda *arguments: 1 / 0)
    with pytest.raises(ResFormerSegError):
        logicWith("exclusive").process(makeVolume(), outputSegmentation=output)
    assert output.GetDisplayNode() is display and output.GetNumberOfDisplayNodes() == 1
    assert [display.GetSegmentVisibility(identifier) for identifier in ("hidden", "faint")] == [False, True]
    assert display.GetSegmentOpacity3D("faint") == 0.25 and display.GetSegmentOpacity2DFill("faint") == 0.5
    assert display.GetSegmentOpacity3D("hidden") == 1


@pytest.mark.parametrize("atFraction", [0, 0.1], ids=["at the start", "while the engine works"])
def test_a_failing_progress_callback_ends_the_run_cleanly(scene, logicWith, atFraction):
    def fail(fraction: float, message: str) -> None:
        if fraction >= atFraction:
            raise ZeroDivisionError

    volume = makeVolume()
    before = sceneState()
    with pytest.raises(ZeroDivisionError):
        logicWith("slow").process(volume, progress=fail)
    assert sceneState() == before


def test_a_failing_question_whether_to_cancel_ends_the_run_cleanly(scene, logicWith):
    volume = makeVolume()
    before = sceneState()
    with pytest.raises(ZeroDivisionError):
        logicWith("slow").process(volume, isCancelled=lambda: 1 / 0)
    assert sceneState() == before


def test_a_worker_that_leaves_once_its_result_is_there_does_no_harm(scene, logicWith):
    assert logicWith("answers and dies").process(makeVolume()).diagnosis == "glioma"


def test_a_worker_that_crashes_at_its_first_command_is_not_tried_again(fails, tmp_path):
    assert fails("counts its starts").code == "ENGINE_CRASHED"
    assert (tmp_path / "worker0.pid.starts").read_text() == "x"


def test_a_failure_of_the_last_progress_callback_changes_nothing_either(scene, logicWith):
    messages = []
    logicWith("exclusive").process(makeVolume(), progress=lambda *news: messages.append(news))
    volume = makeVolume()
    before = sceneState()

    def fail(*news) -> None:
        if news == messages[-1]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        logicWith("exclusive").process(volume, progress=fail)
    assert sceneState() == before


def test_a_model_that_is_neither_an_id_nor_a_folder_is_refused(fails):
    error = fails("exclusive", modelId=None)
    assert error.code == "NOT_A_MODEL" and "NoneType" in error.message


def test_a_temporary_folder_that_cannot_be_written_is_named(fails, bed, monkeypatch):
    monkeypatch.setattr(bed.app, "temporaryPath", "/nowhere/at/all")
    error = fails("exclusive")
    assert error.code == "TEMPORARY_FOLDER_NOT_WRITABLE"
    assert "/nowhere/at/all" in error.message


def test_a_full_disk_is_named(scene, logicWith):
    """A limit of the system to the size of files, which writing meets as it meets a full disk."""
    from ResFormerSegLib.errors import ResFormerSegError

    volume = makeVolume(shape=(60, 256, 256))
    before = sceneState()
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, limits[1]))
    try:
        with pytest.raises(ResFormerSegError) as caught:
            logicWith("exclusive").process(volume)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "TEMPORARY_FOLDER_NOT_WRITABLE"
    assert "too large" in caught.value.message.lower() and caught.value.hint
    assert sceneState() == before


def test_stopping_twice_or_before_the_start_does_no_harm(module):
    from ResFormerSegLib.engine.process import EngineProcess

    engine = EngineProcess([sys.executable, "-c", "input()"])
    engine.stop()
    engine.stopNow()
    engine.start()
    engine.stop()
    engine.stopNow()
    engine.stop()
    engine.stopNow()


def test_the_module_survives_a_failed_run_and_works_again(fails, logicWith):
    fails("segfault")
    volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    assert logicWith("exclusive").process(volume).diagnosis == "glioma"
