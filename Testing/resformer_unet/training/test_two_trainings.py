"""Two trainings into the same folder: the second is refused, and the first goes on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.generated_dataset import write_discs

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from helpers.tiny_training import TINY, trained
from resformer_unet.errors import EngineError
from resformer_unet.training.setup.run_folder import is_running

RECIPE = TINY.changed(epochs=2)


def contents(folder: Path) -> dict[str, bytes]:
    """Of the files, but for TensorBoard's, which a thread of the first training writes when it likes."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "tensorboard")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_second_training_is_refused_with_and_without_resume_as_long_as_the_first_runs(tmp_path):
    data, output = write_discs(tmp_path / "discs", {"train": 3, "val": 2}), tmp_path / "models" / "model"
    checkpoint = output.with_name("model.training") / "last.ckpt"
    refused_at, read = [], []

    def second(what: str, done: int, total: int) -> None:
        """Begins a training in the midst of the first: once while it trains, and once while it makes the model."""
        if what not in ("training", "exporting the network") or what in refused_at or not checkpoint.exists():
            return
        before = contents(output.parent)
        for resume in (False, True):
            with pytest.raises(EngineError) as caught:
                trained(data, output, RECIPE, resume=resume, progress=lambda *counts: read.append(counts))
            assert caught.value.code == "TRAINING_RUNNING" and str(output) in str(caught.value)
        assert contents(output.parent) == before and not read
        refused_at.append(what)

    first = trained(data, output, RECIPE, progress=second)
    assert refused_at == ["training", "exporting the network"]
    assert first.descriptor["training"]["epochs"] == 2 and not is_running(output)
    assert sorted(path.name for path in output.parent.iterdir()) == ["model", "model.training"]
