"""Checkpoints of a training run: the last epoch's, to resume from, and that of the best epoch, which becomes the model.

Checkpoints are written atomically: a kill or a full disk leaves the previous one.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from resformer_unet.atomic_files import atomic_file
from resformer_unet.errors import EngineError

LAST, BEST = "last.ckpt", "best.ckpt"


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes checkpoints whole or not at all; raises ``EngineError`` DISK_FULL or OUTPUT_NOT_WRITABLE."""

    def save_checkpoint(self, checkpoint: dict, path: str | Path, storage_options: object = None) -> None:
        content = io.BytesIO()
        torch.save(checkpoint, content)
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())  # else a power failure could leave an empty file


class EpochCheckpoints(Checkpoint):
    """Saves ``last.ckpt`` after each epoch, and ``best.ckpt`` after each with a higher ``val_score`` than before.

    Only the last third of the epochs counts: while the learning rate is high, a high score on a small validation split
    is mostly chance.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._best: float | None = None

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        score = float(trainer.callback_metrics["val_score"])
        if trainer.current_epoch == first_candidate(trainer.max_epochs):
            self._best = None
        if self._best is None or score > self._best:
            self._best = score
            trainer.save_checkpoint(self._work / BEST)
        trainer.save_checkpoint(self._work / LAST)  # after the best one, whose score it holds

    def state_dict(self) -> dict:
        return {"best": self._best}

    def load_state_dict(self, state: dict) -> None:
        self._best = state["best"]


def first_candidate(epochs: int) -> int:
    """The first epoch, counted from 0, that may be chosen as the best one."""
    return epochs * 2 // 3


def load_checkpoint(path: Path) -> dict:
    """The content of a checkpoint; nothing but tensors and plain values is unpickled.

    Raises:
        EngineError: CHECKPOINT_UNUSABLE, also where a single bit has changed since it was written.
    """
    try:
        with zipfile.ZipFile(path) as archive:  # PyTorch does not look at the checksums
            if damaged := archive.testzip():
                raise ValueError(f"{damaged} is damaged")
        return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # the readers raise whatever their parsing stumbles over
        raise EngineError(
            "CHECKPOINT_UNUSABLE",
            f"The checkpoint {path} cannot be read: {str(error).splitlines()[0] if str(error) else 'it is damaged'}",
            "Start without --resume; the folder of the interrupted training is kept under another name.",
        ) from None


def check_fits(checkpoint: Mapping, module: LightningModule, path: Path) -> None:
    """Raises ``EngineError`` RUN_DIFFERS if the checkpoint is of another network, or of a data set of another size."""
    expected, found = module.state_dict(), checkpoint.get("state_dict", {})
    differing = [name for name in expected.keys() | found.keys() if _shape(expected, name) != _shape(found, name)]
    schedule = (checkpoint.get("lr_schedulers") or [{}])[0]
    if differing:
        what = f"of another network: {sorted(differing)[0]} differs"
    elif schedule.get("total_steps", module.schedule_steps) != module.schedule_steps:
        what = f"of a training of {schedule['total_steps']} steps, this one has {module.steps}"
    else:
        return
    raise EngineError(
        "RUN_DIFFERS",
        f"The checkpoint {path} is {what}.",
        "Give the same data and settings as before, or start without --resume.",
    )


def next_epoch(checkpoint: Mapping) -> int:
    """The epoch at which a resumed training continues."""
    return checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"]


def network_weights(checkpoint: Mapping) -> dict[str, Tensor]:
    """The averaged weights of the network, without the other state of the module."""
    prefix = "network."
    state = checkpoint["state_dict"]
    return {name.removeprefix(prefix): x for name, x in state.items() if name.startswith(prefix)}


def _shape(state: Mapping, name: str) -> tuple | None:
    return tuple(state[name].shape) if name in state else None
