"""One training by two processes that torchrun starts, as on two GPUs."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import pytest
import torch

from helpers.generated_dataset import write_discs
from helpers.paths import MODULE_FOLDER
from helpers.tiny_model import TINY_NETWORK

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.model.bundle import load_bundle
from resformer_unet.training.setup.distributed_context import DistributedContext


def test_without_torchrun_there_is_one_process():
    alone = DistributedContext.from_environment({"RANK": "3", "WORLD_SIZE": "4"})
    assert alone == DistributedContext() and alone.first
    assert alone.trainer_options(torch.device("cuda", 1)) == {"accelerator": "gpu", "devices": [1]}


def test_torchrun_sets_the_number_of_processes_here_and_elsewhere():
    environment = {"TORCHELASTIC_RUN_ID": "x", "RANK": "5", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
    context = DistributedContext.from_environment(environment)
    options = context.trainer_options(torch.device("cuda"))
    assert not context.first and (options["devices"], options["num_nodes"]) == (4, 2)


@pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch cannot train in several processes")
def test_two_processes_train_one_model_that_the_first_writes(tmp_path):
    data = write_discs(tmp_path / "discs", {"train": 8, "val": 2})
    training = {"network": TINY_NETWORK, "pretrained": "none", "epochs": 2, "batch_size": 4}
    (tmp_path / "recipe.json").write_text(json.dumps({"descriptor": None, "training": training}))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "resformer_unet", "train", data, "--output", tmp_path / "model", "--size", "32", "32"]
    command += ["--recipe", tmp_path / "recipe.json", "--device", "cpu", "--workers", "0"]
    environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDER), "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    done = subprocess.run(
        list(map(str, command)), env=environment, cwd=tmp_path, timeout=500, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The model is in") == 1 and done.stderr.count("epoch 2 of 2") == 1
    assert load_bundle(tmp_path / "model").descriptor["training"]["epochs"] == 2
    with (tmp_path / "model.training" / "metrics.csv").open(newline="", encoding="utf-8") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["2", "4"]  # 8 slices, 4 a step
