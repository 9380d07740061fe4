"""Two trainings into the same folder: the second is refused, and the first goes on as if nothing had happened."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from helpers.generated_dataset import write_discs
from helpers.paths import withHelpers

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from helpers.tiny_training import TINY, trained
from resformer_unet.errors import EngineError
from resformer_unet.training.loop.checkpoints import load_checkpoint
from resformer_unet.training.setup.run_folder import is_running

RECIPE = TINY.changed(epochs=2)
# It stands still in the second epoch until its input ends.
FIRST = """
import sys
from pathlib import Path
from helpers.tiny_training import TINY, trained
from resformer_unet.training.loop.module import ResFormerModule

step = ResFormerModule.training_step

def waiting_step(module, batch, index):
    if module.current_epoch == 1:
        print("waiting", flush=True)
        sys.stdin.read()
    return step(module, batch, index)

ResFormerModule.training_step = waiting_step
trained(Path(sys.argv[1]), Path(sys.argv[2]), TINY.changed(epochs=2))
"""


def contents(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_a_second_training_is_refused_with_and_without_resume_until_the_first_is_killed(tmp_path):
    data, output = write_discs(tmp_path / "discs", {"train": 3, "val": 2}), tmp_path / "models" / "model"
    command = [sys.executable, "-c", FIRST, str(data), str(output)]
    process = subprocess.Popen(command, env=withHelpers(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"waiting\n" and is_running(output)
        before = contents(output.parent)
        assert load_checkpoint(output.with_name("model.training") / "last.ckpt")["epoch"] == 0
        read = []
        for resume in (False, True):
            with pytest.raises(EngineError) as caught:
                trained(data, output, RECIPE, resume=resume, progress=lambda *counts: read.append(counts))
            assert caught.value.code == "TRAINING_RUNNING" and str(output) in str(caught.value)
            assert not read and contents(output.parent) == before
    finally:
        process.kill()
        process.communicate()
    assert not is_running(output) and contents(output.parent) == before
    assert trained(data, output, RECIPE, resume=True).descriptor["training"]["epochs"] == 2
