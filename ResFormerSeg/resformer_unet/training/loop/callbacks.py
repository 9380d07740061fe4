"""Callbacks of a training: exponential moving average of the weights, seeding, progress."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor

from resformer_unet.errors import EngineError
from resformer_unet.training.input.random_streams import torch_seed


def exponential_moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Averaging function (average, current value, steps) -> new average of :class:`ExponentialMovingAverage`.

    The decay grows as (1 + n) / (10 + n) with the steps n up to its final value, so that the average of a short
    training does not contain its random initialisation.
    """

    def average(averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        if not averaged.is_floating_point():  # counters
            return current
        return torch.lerp(current, averaged, min(decay, (1 + int(steps)) / (10 + int(steps))))

    return average


class ExponentialMovingAverage(WeightAveraging):
    """Exponential moving average of the weights and batch normalisation statistics, which becomes the model."""

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=True, avg_fn=exponential_moving_average(decay))


class SeededSteps(Callback):
    """Seeds the network's own random numbers (dropout) by random seed, epoch and rank in each epoch."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(self, trainer: Trainer, _module: LightningModule, _batch: object, index: int) -> None:
        if index == 0:
            torch.manual_seed(torch_seed(self._seed, trainer.current_epoch, trainer.global_rank))


class TrainingProgress(Callback):
    """Reports steps done and in total, and a line of metrics after each epoch; stops a training that diverged.

    Args:
        progress: called with ("training", steps done, steps in total).
        note: called with one line of text.
    """

    def __init__(self, progress: Callable[[str, int, int], None], note: Callable[[str], None]) -> None:
        self._progress, self._note = progress, note

    def on_train_batch_end(self, trainer: Trainer, *_) -> None:
        self._progress("training", trainer.global_step, int(trainer.estimated_stepping_batches))

    def on_train_epoch_end(self, trainer: Trainer, _module: LightningModule) -> None:
        figures = {name: float(value) for name, value in trainer.callback_metrics.items()}
        if not torch.isfinite(trainer.callback_metrics["train_loss"]):
            raise EngineError(
                "TRAINING_DIVERGED",
                f"The training has diverged: the loss is not finite in epoch {trainer.current_epoch + 1}.",
                "Train again with a lower --learning-rate; earlier checkpoints are kept.",
            )
        shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        self._note(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}: {shown}")
