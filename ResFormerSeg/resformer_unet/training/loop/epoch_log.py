"""The table of a training's figures, one line an epoch, and the share of time in which the network was busy."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from resformer_unet.atomic_files import atomic_write_text

METRICS = "metrics.csv"


class Utilisation(Callback):
    """Logs ``busy``: the share of an epoch's steps' time that the network computed, the rest being waits for data.

    On a GPU the time between two events of its own clock counts, because the processor runs ahead of it.
    """

    def __init__(self) -> None:
        self._computed, self._all = 0.0, 0.0  # seconds of all epochs
        self._begun = 0.0
        self._steps: list[tuple] = []

    @property
    def overall(self) -> float | None:
        """The share over all epochs; ``None`` before the first."""
        return self._computed / self._all if self._all else None

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._begun = time.perf_counter()  # Lightning tells of no epoch's start right after --resume

    def on_train_epoch_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._steps.clear()
        self._begun = time.perf_counter()

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, *_) -> None:
        self._start = self._now(module)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_) -> None:
        self._steps.append((self._start, self._now(module)))
        self._ended = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        if self._steps and module.device.type == "cuda":
            torch.cuda.synchronize(module.device)
            self._ended = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not self._steps:
            return
        on_gpu = module.device.type == "cuda"
        computed = sum(a.elapsed_time(b) / 1000 if on_gpu else b - a for a, b in self._steps)
        lasted = self._ended - self._begun
        self._computed, self._all = self._computed + computed, self._all + lasted
        module.log("busy", min(1.0, computed / lasted), sync_dist=True)

    def state_dict(self) -> dict:
        return {"computed": self._computed, "all": self._all}

    def load_state_dict(self, state: dict) -> None:
        self._computed, self._all = state["computed"], state["all"]

    @staticmethod
    def _now(module: LightningModule):
        if module.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


class EpochLog(Callback):
    """Writes ``metrics.csv`` anew after each epoch; the lines travel in the checkpoints, so that --resume goes on."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        row = {"epoch": trainer.current_epoch + 1, "step": trainer.global_step, "learning_rate": rate, **figures}
        self.rows.append(row)
        if trainer.is_global_zero:
            atomic_write_text(self._work / METRICS, self._table())

    def state_dict(self) -> dict:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict) -> None:
        self.rows = list(state["rows"])

    def _table(self) -> str:
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(
            {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()}
            for row in self.rows
        )
        return text.getvalue()
