"""Actions of a user in random order, from a seed: what must always hold, holds. See `bed.random_actions`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from helpers.paths import withHelpers

ACTIONS = 300


def act(tmp_path, seed: int, actions: int, *options: str) -> dict:
    """What the program counted."""
    environment = withHelpers() | {"TMPDIR": str(tmp_path), "PYTHONFAULTHANDLER": "1"}
    command = [sys.executable, "-m", "bed.random_actions", str(seed), str(actions), *options]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert run.returncode == 0, f"seed {seed} after\n{run.stderr[-6000:]}"
    assert "Traceback" not in run.stderr, run.stderr[-6000:]
    left = [name for name in os.listdir(tmp_path) if name.startswith("ResFormerSeg")]
    assert not left, f"left behind: {left}"
    return json.loads(run.stdout.splitlines()[-1])


def checkThatMuchHappened(counted: dict) -> None:
    """A test that mostly waits would find nothing."""
    ends = counted["ends"]
    assert counted["kills"] > 0
    assert ends.get("process finished", 0) > 5 and sum(ends.values()) > 15, ends


def test_300_actions_in_random_order_leave_images_panel_and_log_as_they_should_be(tmp_path):
    checkThatMuchHappened(act(tmp_path, 1, ACTIONS))


@pytest.mark.parametrize("seed", range(2, 4))
def test_more_seeds(tmp_path, seed):
    checkThatMuchHappened(act(tmp_path, seed, ACTIONS))


@pytest.mark.parametrize("seed", range(20, 21))
def test_more_seeds_with_the_real_engine(tmp_path, seed):
    act(tmp_path, seed, 150, "real")


def test_a_broken_promise_would_be_noticed(tmp_path):
    """An image that is changed by a run, here on purpose."""
    code = """
import bed.random_actions as actions, slicer
changed = actions.User.applyAndWait
def change(user):
    changed(user)
    for node in user.images.nodes():
        slicer.util.arrayFromVolume(node)[:] += 1
        slicer.util.arrayFromVolumeModified(node)
actions.User.applyAndWait = change
actions.main(1, 60, False)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=withHelpers(), cwd=tmp_path
    )  # fmt: skip
    assert run.returncode != 0 and "voxels were changed" in run.stderr, run.stderr[-3000:]
