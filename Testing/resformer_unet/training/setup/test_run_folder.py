"""The lock of a training keeps others out, whatever the training does with its folder."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from resformer_unet.errors import EngineError
from resformer_unet.training.setup.run_folder import LOCK, is_running, refuse_if_running, running
from resformer_unet.training.setup.run_record import RECORD, begin_run

FILES = ("best.ckpt", "last.ckpt", "metrics.csv", RECORD)


@pytest.fixture
def earlier(tmp_path) -> Path:
    """The folder of an earlier training into "model"."""
    work = tmp_path / "model.training"
    work.mkdir()
    for name in FILES:
        (work / name).write_text(name)
    return work


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_training_at_a_time_also_of_the_same_process(tmp_path):
    output = tmp_path / "models" / "model"
    assert not is_running(output) and not output.parent.exists()
    with running(output):
        assert is_running(output)
        for second in (running(output).__enter__, lambda: refuse_if_running(output)):
            with pytest.raises(EngineError) as caught:
                second()
            assert caught.value.code == "TRAINING_RUNNING" and str(output) in str(caught.value)
    assert not is_running(output)
    with running(output):
        pass


def test_an_earlier_training_is_moved_aside_and_the_lock_stays(tmp_path, earlier):
    with running(tmp_path / "model"):
        assert begin_run(earlier, {"id": "new"}) == tmp_path / "model.training.1"
        assert is_running(tmp_path / "model")
    assert names(tmp_path / "model.training.1") == sorted(FILES)
    assert names(earlier) == sorted([RECORD, LOCK]) and json.loads((earlier / RECORD).read_text())["id"] == "new"


def test_a_move_that_was_interrupted_loses_nothing_and_is_completed_by_the_next_training(
    tmp_path, earlier, monkeypatch
):
    rename, renamed = Path.rename, []

    def failing(path, target):
        renamed.append(path)
        if len(renamed) == 3:
            raise OSError(errno.EIO, "input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with running(tmp_path / "model"):
        with pytest.raises(EngineError) as caught:
            begin_run(earlier, {})
        assert caught.value.code == "OUTPUT_NOT_WRITABLE"
        begin_run(earlier, {})
    moved = [path for number in (1, 2) for path in (tmp_path / f"model.training.{number}").iterdir()]
    assert sorted(path.name for path in moved) == sorted(FILES)
    assert all(path.read_text() == path.name for path in moved)


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
def test_on_a_disk_without_locks_a_training_goes_on_and_says_so(tmp_path, monkeypatch):
    import fcntl

    def unsupported(*arguments):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    notes = []
    with running(tmp_path / "model", notes.append):
        assert "cannot be locked" in notes[0] and not is_running(tmp_path / "model")
