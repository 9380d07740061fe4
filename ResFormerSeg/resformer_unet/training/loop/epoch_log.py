"""Log of a training: metrics of each epoch, and the utilisation of the device."""

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
    """Logs ``utilisation``: fraction of an epoch's time that the device computes training steps, not waiting for data.

    A GPU is timed by CUDA events, because the CPU runs ahead of it.
    """

    def __init__(self) -> None:
        self._computed, self._total = 0.0, 0.0  # seconds over all epochs
        self._begun = 0.0
        self._steps: list[tuple] = []

    @property
    def overall(self) -> float | None:
        """Utilisation over all epochs; ``None`` before the first."""
        return self._computed / self._total if self._total else None

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._begun = time.perf_counter()  # after --resume Lightning does not call on_train_epoch_start

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
        self._computed, self._total = self._computed + computed, self._total + lasted
        module.log("utilisation", min(1.0, computed / lasted), sync_dist=True)

    def state_dict(self) -> dict:
        return {"computed": self._computed, "total": self._total}

    def load_state_dict(self, state: dict) -> None:
        self._computed, self._total = state["computed"], state["total"]

    @staticmethod
    def _now(module: LightningModule):
        if module.device.type != "cuda":
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


class EpochLog(Callback):
    """Rewrites ``metrics.csv`` after each epoch; its rows are kept in the checkpoints for --resume."""

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
