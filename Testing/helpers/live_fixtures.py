"""A live session with a worker that answers without a network."""

import os
import sys

import pytest

from helpers.paths import TESTING


@pytest.fixture
def liveWorker(module, tmp_path, monkeypatch):
    """The live worker is `helpers.fake_live_worker`; gives the file with its process id. None outlives the test."""
    from ResFormerSegLib.engine.process import EngineProcess
    from ResFormerSegLib.live import live_engine
    from ResFormerSegLib.live import logic as live_logic
    from slicer_bed.watch import waitFor

    pidFile = tmp_path / "live.pid"
    command = [sys.executable, str(TESTING / "helpers" / "fake_live_worker.py"), str(pidFile)]
    monkeypatch.setattr(live_logic, "makeEngine", lambda: EngineProcess(command))
    yield pidFile
    waitFor(lambda: not live_engine._leaving, 30)
    if pidFile.exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pidFile.read_text()), 0)


@pytest.fixture
def live(scene, logicWith, liveWorker):
    """`live(volume)`: a session with the brain model's name; it is stopped with the test."""
    logic = logicWith("exclusive")
    yield lambda volume, **options: logic.live(volume, "brain-tumor-mr", "cpu", **options)
    logic.stopLive()
