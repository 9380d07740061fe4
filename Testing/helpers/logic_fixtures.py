"""The module's logic with a worker that behaves as the test wants it."""

import os
import sys

import pytest

from helpers.paths import TESTING


@pytest.fixture
def logicWith(module, tmp_path):
    """`logicWith("segfault")`: the logic with a fake worker of that behaviour. No worker may outlive the test."""
    from ResFormerSegLib.engine.process import EngineProcess

    pidFiles, logics = [], []

    def make(behaviour: str, **limits):
        pidFile = tmp_path / f"worker{len(pidFiles)}.pid"
        pidFiles.append(pidFile)
        command = [sys.executable, str(TESTING / "helpers" / "fake_worker.py"), behaviour, str(pidFile)]
        logics.append(module.ResFormerSegLogic(makeEngine=lambda: EngineProcess(command, **limits)))
        return logics[-1]

    yield make
    for logic in logics:
        logic.cleanup()
    for pidFile in pidFiles:
        if pidFile.exists():
            with pytest.raises(ProcessLookupError):
                os.kill(int(pidFile.read_text()), 0)
