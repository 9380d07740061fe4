"""Trainings that are killed in the middle of an epoch, or of writing, and go on as if nothing had happened."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from helpers.generated_dataset import write_discs
from helpers.paths import MODULE_FOLDER
from helpers.tiny_model import TINY_NETWORK

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import load_bundle
from resformer_unet.model.weights import load_weights
from resformer_unet.training.input.sampling import Draw, EpochSampler
from resformer_unet.training.loop.checkpoints import AtomicCheckpoints, load_checkpoint

EPOCHS = 4
# The signal comes in the second step of an epoch, or when a checkpoint's bytes are written but have no name yet.
INTERRUPTED = """
import os, signal, sys
from resformer_unet.cli.main import main
from resformer_unet.training.loop import module

number, moment, epoch = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
step, sync, writings = module.ResFormerModule.training_step, os.fsync, []

def stopped_step(self, batch, index):
    if self.current_epoch == epoch and index == 1 and moment == "step":
        os.kill(os.getpid(), number)
    return step(self, batch, index)

def stopped_sync(file):
    writings.append(file)
    if moment == "writing" and len(writings) >= 2:
        os.kill(os.getpid(), number)
    sync(file)

module.ResFormerModule.training_step, os.fsync = stopped_step, stopped_sync
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started the tests with Ctrl-C ignored
sys.exit(main(sys.argv[4:]))
"""


@pytest.fixture(scope="module")
def arguments(tmp_path_factory) -> list[str]:
    """Of a training with everything that is random; the output folder is to be added."""
    folder = tmp_path_factory.mktemp("resume")
    data = write_discs(folder / "discs", {"train": 8, "val": 4})
    augmentation = {"lesion_inpainting": 0.3, "noise": 0.2, "transpose": 0.5, "rotation": 90}
    training = {
        "network": {**TINY_NETWORK, "dropout": 0.3},
        "pretrained": "none",
        "epochs": EPOCHS,
        "batch_size": 3,
        "ema_decay": 0.6,
    }
    (folder / "recipe.json").write_text(
        json.dumps({"descriptor": None, "training": {**training, "augmentation": augmentation}})
    )
    return ["train", str(data), "--recipe", str(folder / "recipe.json"), "--device", "cpu", "--size", "32", "32"]


@pytest.fixture(scope="module")
def unbroken(arguments, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("unbroken") / "model"
    assert main([*arguments, "--output", str(output), "--workers", "0"]) == 0
    return output


def interrupted(number: int, moment: str, epoch: int, *arguments: str) -> int:
    """Run a training in a process of its own that gets a signal at that moment; returns its exit code.

    It has as many threads as this process: another number adds up in another order, and training makes much of it.
    """
    command = [sys.executable, "-c", INTERRUPTED, str(int(number)), moment, str(epoch), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDER), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    return subprocess.run(command, env=environment, timeout=300).returncode


def figures(model: Path) -> list[dict[str, float]]:
    with (model.with_name(model.name + ".training") / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [{name: float(x) for name, x in row.items() if name != "utilisation"} for row in csv.DictReader(file)]


def assert_same(model: Path, expected: Path) -> None:
    """The same weights and the same figures in every epoch, within rounding."""
    weights, others = (load_weights(load_bundle(folder)) for folder in (model, expected))
    assert all(torch.allclose(weights[name].float(), others[name].float(), atol=1e-5) for name in others)
    rows, other_rows = figures(model), figures(expected)
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert all(row == pytest.approx(other, abs=1e-4) for row, other in zip(rows, other_rows, strict=True))


def test_a_killed_training_resumed_ends_like_an_uninterrupted_one(arguments, unbroken, tmp_path):
    output = tmp_path / "model"
    arguments = [*arguments, "--output", str(output)]
    work = tmp_path / "model.training"
    assert interrupted(signal.SIGKILL, "step", 2, *arguments, "--workers", "2") == -signal.SIGKILL
    assert load_checkpoint(work / "last.ckpt")["epoch"] == 1 and not output.exists()
    assert interrupted(signal.SIGKILL, "writing", 2, *arguments, "--workers", "0", "--resume") == -signal.SIGKILL
    assert load_checkpoint(work / "last.ckpt")["epoch"] in (1, 2)  # whole, whichever was being written
    assert main([*arguments, "--workers", "0", "--resume"]) == 0
    assert_same(output, unbroken)


def test_after_control_c_in_the_second_epoch_the_first_is_kept(arguments, unbroken, tmp_path):
    output = tmp_path / "model"
    arguments = [*arguments, "--output", str(output), "--workers", "0"]
    assert interrupted(signal.SIGINT, "step", 1, *arguments) == 130
    assert load_checkpoint(tmp_path / "model.training" / "last.ckpt")["epoch"] == 0
    assert (tmp_path / "model.training" / "learning-curves.png").is_file()
    assert main([*arguments, "--resume"]) == 0
    assert_same(output, unbroken)


def test_a_training_killed_before_its_first_checkpoint_starts_over(arguments, unbroken, tmp_path):
    output = tmp_path / "model"
    (tmp_path / "model.training").mkdir()
    record = unbroken.with_name("model.training") / "run.json"
    (tmp_path / "model.training" / "run.json").write_bytes(record.read_bytes())
    assert main([*arguments, "--output", str(output), "--workers", "0", "--resume"]) == 0
    assert_same(output, unbroken)


def test_a_checkpoint_of_another_network_is_refused(arguments, unbroken, tmp_path, capsys):
    work = tmp_path / "model.training"
    work.mkdir()
    (work / "run.json").write_bytes((unbroken.with_name("model.training") / "run.json").read_bytes())
    checkpoint = load_checkpoint(unbroken.with_name("model.training") / "last.ckpt")
    name = "network.stem.0.weight"
    checkpoint["state_dict"][name] = checkpoint["state_dict"][name][:2]
    torch.save(checkpoint, work / "last.ckpt")
    before = (work / "last.ckpt").read_bytes()
    resumed = [*arguments, "--output", str(tmp_path / "model"), "--workers", "0", "--resume"]
    assert main(resumed) == 1 and f"another network: {name} differs" in capsys.readouterr().err
    (work / "last.ckpt").write_bytes(before[: len(before) // 2])
    assert main(resumed) == 1 and "cannot be read" in capsys.readouterr().err
    assert (work / "last.ckpt").read_bytes() == before[: len(before) // 2]


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path):
    path = tmp_path / "last.ckpt"
    AtomicCheckpoints().save_checkpoint({"epoch": 1}, path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(EngineError) as caught:
            AtomicCheckpoints().save_checkpoint({"epoch": 2, "state": torch.zeros(10000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "DISK_FULL" and "full" in str(caught.value)
    assert load_checkpoint(path) == {"epoch": 1} and [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_processes_share_out_an_epoch_and_the_next_one_is_in_another_order():
    shares = [EpochSampler(11, seed=1, rank=rank, processes=3) for rank in range(3)]
    draws = [list(share) for share in shares]
    assert [len(share) for share in draws] == [3, 3, 3]
    assert len({draw.index for share in draws for draw in share}) == 9
    whole = EpochSampler(11, seed=1)
    first = list(whole)
    assert sorted(first) == [Draw(0, index) for index in range(11)] and first == list(whole)
    whole.set_epoch(1)
    assert [draw.index for draw in whole] != [draw.index for draw in first]
