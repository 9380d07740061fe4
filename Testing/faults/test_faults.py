"""A short campaign from a seed, and whether it would notice what must not happen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from faults import checks
from faults.children import become_subreaper, start
from faults.records import BROKEN, Records
from helpers.paths import withHelpers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes and disks as on Linux")
RUNS = {"command line": 8, "scene": 9}


def test_a_short_campaign_leaves_scene_inputs_and_results_as_they_should_be(tmp_path):
    command = [sys.executable, "-m", "faults.run", "--folder", str(tmp_path), "--seed", "7"]
    command += ["--faults", "20", "--inputs", "200", "--only", *RUNS, "readers"]
    run = subprocess.run(command, capture_output=True, text=True, env=withHelpers(), cwd=tmp_path)
    report = (tmp_path / "report.md").read_text("utf-8") if (tmp_path / "report.md").exists() else ""
    assert run.returncode == 0, f"{report[-4000:]}\n{run.stdout[-2000:]}\n{run.stderr[-3000:]}"
    for job, count in RUNS.items():
        rows = Records(tmp_path / f"{job.replace(' ', '-')}.jsonl").rows.values()
        assert len(rows) >= count - 1 and not any(row["outcome"] == BROKEN for row in rows)
    assert len(Records(tmp_path / "readers.jsonl").rows) == 200


def test_a_traceback_an_orphan_and_half_a_report_are_noticed(tmp_path):
    become_subreaper()

    def work() -> int:
        subprocess.Popen(["sleep", "600"])
        raise RuntimeError("a bug")

    child = start(work, tmp_path / "log")
    code = child.wait()
    assert code == 1 and any("Traceback" in what for what in checks.sentences(child, code, {0, 1}))
    orphans = child.orphans(patience=0.1)
    assert list(orphans.values()) == ["sleep 600"]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.json").write_text('{"files": {"a.seg.nrrd"')
    (tmp_path / "out" / "b.json").write_text('{"files": {"b.seg.nrrd": "0"}}')
    assert len(checks.results(tmp_path / "out")) == 2


def test_a_child_that_is_interrupted_anywhere_never_goes_on_as_its_parent(tmp_path):
    def work() -> int:
        def fail(*_: object) -> None:
            raise KeyboardInterrupt

        sys.stderr = None
        sys.excepthook = sys.unraisablehook = fail
        raise KeyboardInterrupt

    parent = os.getpid()
    child = start(work, tmp_path / "log")
    child.wait()
    assert os.getpid() == parent and not Path(f"/proc/{child.pid}").exists()
