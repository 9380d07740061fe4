"""What happens beside the training steps: the average of the weights, and telling how far the training is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor

from resformer_unet.errors import EngineError
from resformer_unet.training.input.random_streams import torch_seed


def exponential_moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Rule (average so far, current value, steps so far) -> new average, of exponential decay with a warm start.

    The decay grows as (1 + n) / (10 + n) with the steps n up to its final value, so that a training of few steps is
    not an average over its random beginning.
    """

    def average(averaged: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        if not averaged.is_floating_point():  # counters
            return current
        return torch.lerp(current, averaged, min(decay, (1 + int(steps)) / (10 + int(steps))))

    return average


class ExponentialMovingAverage(WeightAveraging):
    """Moving average of the weights and of the batch normalisation's statistics; it is what is kept."""

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=True, avg_fn=exponential_moving_average(decay))


class SeededSteps(Callback):
    """What is random in the network itself (dropout) follows from the seed, the epoch and the process alone."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(self, trainer: Trainer, _module: LightningModule, _batch: object, index: int) -> None:
        if index == 0:
            torch.manual_seed(torch_seed(self._seed, trainer.current_epoch, trainer.global_rank))


class TrainingProgress(Callback):
    """Tells steps done and steps in all, and a line of figures after each epoch; stops a training that diverged.

    Args:
        progress: called with ("training", steps done, steps in all).
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
                f"The loss is no number any more in epoch {trainer.current_epoch + 1}: the training has diverged.",
                "Train again with a lower --learning-rate; the checkpoints before are kept.",
            )
        shown = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        self._note(f"epoch {trainer.current_epoch + 1} of {trainer.max_epochs}: {shown}")
