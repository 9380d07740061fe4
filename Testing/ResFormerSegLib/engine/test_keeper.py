"""One worker serves one job after another; one that has exited meanwhile is replaced silently."""

import os
import signal
import time
from pathlib import Path

import pytest

from helpers.scene_helpers import makeVolume, sceneState


@pytest.fixture
def pid(tmp_path):
    """`pid()`: of the worker that was started last."""
    return lambda: int((tmp_path / "worker0.pid").read_text())


def isAlive(process: int) -> bool:
    """A worker that has ended and was not waited for yet (a zombie) is dead."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def letPass(seconds: float) -> None:
    import qt

    loop = qt.QEventLoop()
    qt.QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def test_the_next_jobs_find_the_worker_of_the_first(scene, logicWith, pid):
    logic = logicWith("exclusive")
    volume = makeVolume()
    first = logic.process(volume)
    worker = pid()
    assert isAlive(worker)
    assert logic.process(volume).segmentationNode is not first.segmentationNode
    assert logic.explain(volume).diagnosis == "glioma"
    assert logic.devices()["devices"][0]["id"] == "cpu"
    assert pid() == worker and isAlive(worker)


def test_cleaning_up_ends_the_worker_and_a_later_run_starts_a_new_one(scene, logicWith, pid):
    logic = logicWith("exclusive")
    logic.process(makeVolume())
    worker = pid()
    logic.cleanup()
    assert not isAlive(worker)
    assert logic.process(makeVolume()).diagnosis == "glioma"
    assert pid() != worker


def test_the_end_of_the_application_ends_an_idle_worker(scene, logicWith, pid, bed):
    logicWith("exclusive").process(makeVolume())
    bed.qtApplication.aboutToQuit.emit()
    assert not isAlive(pid())


@pytest.mark.parametrize("behaviour", ["killed before the second job", "leaves before the second job"])
def test_a_worker_that_is_gone_at_the_next_command_is_replaced_silently(scene, logicWith, pid, behaviour):
    logic = logicWith(behaviour)
    logic.process(makeVolume())
    worker = pid()
    result = logic.process(makeVolume())
    assert result.diagnosis == "glioma" and pid() != worker
    assert [row["code"] for row in result.warnings] == ["LESION_AT_BORDER"]


def test_a_worker_killed_from_outside_while_idle_is_replaced_silently(scene, logicWith, pid):
    logic = logicWith("exclusive")
    logic.process(makeVolume())
    worker = pid()
    os.kill(worker, signal.SIGKILL)
    letPass(0.3)
    assert logic.process(makeVolume()).diagnosis == "glioma" and pid() != worker


def test_a_worker_that_hangs_while_idle_is_replaced_within_seconds(scene, logicWith, pid, monkeypatch):
    import ResFormerSegLib.runs.job
    from ResFormerSegLib.engine.process import SECOND_LOOK_SECONDS

    assert ResFormerSegLib.runs.job.REPLY_SECONDS + SECOND_LOOK_SECONDS < 10
    monkeypatch.setattr(ResFormerSegLib.runs.job, "REPLY_SECONDS", 0.4)
    logic = logicWith("hangs before the second job")
    logic.process(makeVolume())
    worker = pid()
    started = time.monotonic()
    assert logic.process(makeVolume()).diagnosis == "glioma" and pid() != worker
    assert time.monotonic() - started < 10


def test_a_worker_that_is_stopped_while_idle_is_replaced_too(scene, logicWith, pid, monkeypatch):
    """Such as by a debugger, or by a fault in a driver: it does not even end when it is asked to."""
    import ResFormerSegLib.runs.job

    monkeypatch.setattr(ResFormerSegLib.runs.job, "REPLY_SECONDS", 0.4)
    logic = logicWith("exclusive")
    logic.process(makeVolume())
    worker = pid()
    os.kill(worker, signal.SIGSTOP)
    assert logic.process(makeVolume()).diagnosis == "glioma" and pid() != worker


def test_the_bundled_worker_leaves_when_idle_and_the_next_job_starts_a_new_one(scene, module):
    from ResFormerSegLib.engine.process import EngineProcess, engineCommand
    from ResFormerSegLib.errors import ResFormerSegError
    from slicer_bed.watch import waitFor

    started = []

    def make() -> EngineProcess:
        started.append(EngineProcess([*engineCommand(), "--idle-seconds", "0.3"]))
        return started[-1]

    logic = module.ResFormerSegLogic(makeEngine=make)
    for _attempt in range(2):
        with pytest.raises(ResFormerSegError, match="no model"):  # refused before a network is loaded
            logic.process(makeVolume(), "missing")
        waitFor(lambda: logic._keeper._engine is None, timeout=30)
    assert len(started) == 2
    logic.cleanup()


def test_after_a_failure_the_next_run_has_a_worker(scene, logicWith, pid):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = logicWith("error")
    for _attempt in range(2):
        with pytest.raises(ResFormerSegError):
            logic.process(makeVolume())
    assert isAlive(pid())  # an error reported by the engine does not end the worker


def test_a_cancelled_run_keeps_the_worker(scene, logicWith, pid):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = logicWith("slow")
    workers, fractions = [], []
    for _attempt in range(2):
        fractions.clear()
        with pytest.raises(ResFormerSegError, match="cancelled"):
            logic.process(
                makeVolume(),
                progress=lambda fraction, _message: fractions.append(fraction),
                isCancelled=lambda: any(fractions),
            )
        workers.append(pid())
    assert workers[0] == workers[1] and isAlive(workers[0])


def test_a_second_run_is_refused_while_one_is_under_way(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError
    from slicer_bed.watch import waitFor

    logic = logicWith("slow")
    job = logic.process(makeVolume(), wait=False)
    before = sceneState()
    assert logic.isBusy
    for call in (logic.process, logic.explain):
        for wait in (True, False):
            with pytest.raises(ResFormerSegError) as caught:
                call(makeVolume(), wait=wait)
            assert caught.value.code == "ENGINE_BUSY" and caught.value.hint
    assert len(sceneState()[0]) > len(before[0])  # the volumes that were made here
    failures = []
    job.onFailed = failures.append
    job.cancel()
    waitFor(lambda: failures)
    assert [error.code for error in failures] == ["CANCELLED"] and not logic.isBusy


def test_the_logics_of_the_application_share_one_worker(module):
    first, second = module.ResFormerSegLogic(), module.ResFormerSegLogic()
    assert first.lastRun is second.lastRun


def test_a_run_waits_for_the_question_for_devices_and_that_one_for_a_run(scene, logicWith):
    logic = logicWith("paced")
    ends = []
    logic.devices(wait=False, onFinished=lambda answer: ends.append("devices"))
    assert not logic.isBusy
    logic.process(makeVolume(), wait=False, onFinished=lambda result: ends.append("run"))
    assert logic.isBusy
    assert logic.devices()["devices"]
    assert ends == ["devices", "run"]
    assert logic.lastRun.devices["devices"][0]["name"] == "CPU"


def test_a_run_does_not_wait_for_ever_for_a_question_that_hangs(scene, logicWith, monkeypatch):
    import ResFormerSegLib.engine.keeper

    monkeypatch.setattr(ResFormerSegLib.engine.keeper, "BACKGROUND_SECONDS", 0.4)
    logic = logicWith("hangs when asked for devices")
    ends = []
    logic.devices(wait=False, onFinished=ends.append, onFailed=ends.append)
    assert logic.process(makeVolume()).diagnosis == "glioma"
    assert [end.code for end in ends] == ["ENGINE_NEEDED"]


def test_a_run_that_waits_for_its_turn_can_be_cancelled(scene, logicWith):
    logic = logicWith("exclusive")
    failures = []
    logic.devices(wait=False)
    job = logic.process(makeVolume(), wait=False, onFailed=failures.append)
    job.cancel()
    assert [error.code for error in failures] == ["CANCELLED"]
    assert logic.process(makeVolume()).diagnosis == "glioma"


def test_stopping_a_worker_does_not_block_the_event_loop(scene, logicWith, monkeypatch, pid):
    import ResFormerSegLib.runs.job
    from slicer_bed.watch import LongestBlock, waitFor

    monkeypatch.setattr(ResFormerSegLib.runs.job, "CANCEL_SECONDS", 0.2)
    logic = logicWith("deaf")
    failures = []
    job = logic.process(makeVolume(), wait=False, onFailed=failures.append)
    letPass(0.8)
    with LongestBlock() as block:
        job.cancel()
        waitFor(lambda: failures and not isAlive(pid()))
    assert [error.code for error in failures] == ["CANCELLED"]
    assert block.seconds < 0.9  # the worker ignores all but being killed, which comes after a second


def test_the_last_run_is_remembered_for_bug_reports_without_the_image(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError

    logic = logicWith("error")
    with pytest.raises(ResFormerSegError):
        logic.process(makeVolume(name="Jane Doe"), "my/model", "cuda", sliceAxis="coronal")
    assert logic.lastRun.error.code == "CONSTANT_IMAGE"
    assert logic.lastRun.settings["device"] == "cuda"
    assert logic.lastRun.settings["options"]["slice_axis"] == "coronal"
    assert "Jane" not in repr(logic.lastRun)


def test_the_diagnostics_name_the_cause_of_a_result_that_does_not_fit(scene, logicWith):
    from ResFormerSegLib.errors import ResFormerSegError
    from ResFormerSegLib.panel.diagnostics import diagnosticsText

    logic = logicWith("wrong shape")
    with pytest.raises(ResFormerSegError):
        logic.process(makeVolume(name="Jane Doe"))
    text = diagnosticsText(logic)
    assert "Last error: RESULT_INVALID" in text and "an array of (1, 2, 8, 10) uint8" in text and "Jane" not in text
    assert logic.lastRun.error.__traceback__ is None


def test_after_an_installation_a_new_worker_begins_but_one_at_work_stays(scene, logicWith, pid):
    logic = logicWith("exclusive")
    logic.process(makeVolume())
    worker = pid()
    logic.renewEngine()
    while isAlive(worker):
        letPass(0.05)
    ended = []
    logic.process(makeVolume(), wait=False, onFinished=ended.append, onFailed=ended.append)
    logic.renewEngine()
    while not ended:
        letPass(0.05)
    assert ended[0].diagnosis == "glioma" and pid() != worker
