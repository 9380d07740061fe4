"""A fresh real scene for each test, and the module's logic with a worker that behaves as the test wants it."""

import os
import sys
from pathlib import Path

import pytest

TESTING = Path(__file__).resolve().parent.parent
MODULE = TESTING.parent / "ResFormerSeg" / "ResFormerSeg.py"


@pytest.fixture(scope="session")
def bed():
    import slicer_bed

    return slicer_bed.boot()


@pytest.fixture
def scene(bed):
    """An empty scene.

    A VTK error or an exception in an observer fails the test, and so does a temporary folder left behind.
    """
    from slicer_bed.watch import watchVtk

    bed.scene.Clear(False)
    bed.app.onProcessEvents = lambda: None
    with watchVtk() as problems:
        yield bed.scene
        bed.scene.Clear(False)
    assert not problems, "\n".join(problems)
    assert not list(Path(bed.temporaryPath).glob("ResFormerSeg-*")), "a temporary folder was left behind"


@pytest.fixture(scope="session")
def module(bed):
    """The scripted module as the application would load it."""
    import slicer_bed

    return slicer_bed.loadModule(MODULE)


@pytest.fixture
def logicWith(module, tmp_path):
    """`logicWith("segfault")`: the logic with a fake worker of that behaviour. No worker may outlive the test."""
    from ResFormerSegLib.process import EngineProcess

    pidFiles = []

    def make(behaviour: str, **limits):
        pidFile = tmp_path / f"worker{len(pidFiles)}.pid"
        pidFiles.append(pidFile)
        command = [sys.executable, str(TESTING / "fake_worker.py"), behaviour, str(pidFile)]
        return module.ResFormerSegLogic(makeEngine=lambda: EngineProcess(command, **limits))

    yield make
    for pidFile in pidFiles:
        if pidFile.exists():
            with pytest.raises(ProcessLookupError):
                os.kill(int(pidFile.read_text()), 0)
