"""The developer's Reload button: a change of the source needs no restart of the application."""

import json
import os
import shutil
import subprocess
import sys

from helpers.paths import MODULE_FOLDER, TESTING


def test_reload_during_a_run_stops_the_worker_and_reads_library_and_engine_anew(tmp_path):
    copy = tmp_path / "ResFormerSeg"
    shutil.copytree(MODULE_FOLDER, copy, ignore=shutil.ignore_patterns("Testing", "__pycache__", "Resources"))
    (copy / "Resources").symlink_to(MODULE_FOLDER / "Resources")
    environment = os.environ | {"PYTHONPATH": str(TESTING), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "bed.reload_a_copy", str(copy)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "Traceback" not in run.stderr, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == {
        "edited": [True, True, True],
        "workerIsAlive": False,
        "isAnotherPanel": True,
        "volumeIsSelected": True,
        "smoothing": 2.0,
        "isTheNewWrapper": True,
        "parameterNodes": 1,
        "applyIsEnabled": True,
    }
