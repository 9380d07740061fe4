"""A checkpoint is used as it was written, or not at all."""

from __future__ import annotations

import random
import threading

import pytest
import torch

pytest.importorskip("lightning", reason="the extra “train” is not installed")

from resformer_unet.errors import EngineError  # noqa: E402
from resformer_unet.training.fitting import _quiet_writer_of_tensorboard  # noqa: E402
from resformer_unet.training.loop.checkpoints import AtomicCheckpoints, load_checkpoint  # noqa: E402


def test_a_bit_that_has_changed_is_noticed_wherever_it_counts(tmp_path):
    path, weights = tmp_path / "last.ckpt", torch.arange(2000.0)
    AtomicCheckpoints().save_checkpoint({"state_dict": {"network.a": weights}}, path)
    content, draw, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(60):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            assert torch.equal(load_checkpoint(path)["state_dict"]["network.a"], weights)
        except EngineError as error:
            assert error.code == "CHECKPOINT_UNUSABLE"
            refused += 1
    assert refused > 30


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"no checkpoint"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(EngineError, match="cannot be read"):
        load_checkpoint(tmp_path / "last.ckpt")


@pytest.mark.parametrize(
    "failure, is_told", [(OSError(28, "No space left on device"), False), (ValueError("a bug"), True)]
)
def test_a_thread_that_finds_the_disk_full_prints_no_traceback_and_bugs_still_do(monkeypatch, failure, is_told):
    told = []
    monkeypatch.setattr(threading, "excepthook", told.append)

    def fail() -> None:
        raise failure

    with _quiet_writer_of_tensorboard():
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    assert bool(told) == is_told and threading.excepthook == told.append
