"""What is over is freed: the bed keeps alive what the application does, so that a leak there is one here."""

import gc
import json
import os
import subprocess
import sys
import weakref

from helpers.paths import TESTING

# The description of the module, made when the application starts, keeps the code that it was made of.
OF_THE_FIRST_CODE = {"ResFormerSeg": 1, "Sample": 2, "EngineKeeper": 1, "LastRun": 1, "ResFormerSegParameterNode": 1}


class Owner:
    def act(self) -> None:
        """Something to call later."""


def test_a_single_shot_of_qts_keeps_its_callable_for_ever_and_a_later_call_does_not(bed):
    import qt

    from ResFormerSegLib.event_loop import callLater
    from slicer_bed.watch import waitFor

    called = []
    owners = [Owner(), Owner(), Owner()]
    references = [weakref.ref(owner) for owner in owners]
    qt.QTimer.singleShot(0, owners[0].act)
    callLater(owners[1].act)
    callLater(owners[2].act, 60_000).cancel()
    callLater(lambda: called.append(1))
    del owners
    waitFor(lambda: called)
    gc.collect()
    assert [reference() is not None for reference in references] == [True, False, False]


def test_runs_results_and_a_reloaded_module_leave_nothing_alive(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(TESTING)}
    command = [sys.executable, "-m", "bed.memory_after_runs"]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {
        "nodes": 125,  # of 5 volumes and 30 runs: segmentation, table, 2 probability maps
        "tables": 30,
        "of a run, results deleted": {},
        "nodes, results deleted": 0,
        "of a run, scene closed": {},
        "replaced by a reload": OF_THE_FIRST_CODE,
        "widgets left by a reload": 0,
    }
