"""Locks end with the process that holds them, in whatever way it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.paths import MODULE_FOLDER
from resformer_unet.errors import EngineError
from resformer_unet.training_set.locking import locked

HOLDER = """
import os, sys, time
from pathlib import Path
from resformer_unet.errors import EngineError
from resformer_unet.training_set.locking import locked
with locked(Path(sys.argv[1]), EngineError("BUSY", "busy")):
    reading, writing = os.pipe()
    if sys.argv[2] == "forks":
        if os.fork() == 0:
            os.write(writing, b"!")
            time.sleep(60)
        os.read(reading, 1)
    print("held", os.getpid(), flush=True)
    sys.stdin.read()
    os._exit(1)
"""


def lock(path: Path) -> None:
    with locked(path, EngineError("BUSY", "Another program holds it.")):
        pass


@pytest.mark.parametrize("holder", ["alone", pytest.param("forks", marks=pytest.mark.skipif(
    not hasattr(os, "fork"), reason="needs fork"))])  # fmt: skip
def test_a_lock_is_free_once_its_holder_was_ended_also_if_a_child_of_it_lives(tmp_path, holder):
    path = tmp_path / "lock"
    environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDER)}
    command = [sys.executable, "-c", HOLDER, str(path), holder]
    process = subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, start_new_session=True)
    assert process.stdout.readline().startswith(b"held")
    with pytest.raises(EngineError) as caught:
        lock(path)
    assert caught.value.code == "BUSY"
    process.kill()
    process.wait()
    try:
        lock(path)
    finally:
        if holder == "forks":
            os.killpg(process.pid, 9)


def test_a_lock_can_be_taken_again_by_the_same_process(tmp_path):
    lock(tmp_path / "lock")
    lock(tmp_path / "lock")
