"""The network is trained, epoch by epoch, and its checkpoints and logs are written."""

from __future__ import annotations

import importlib.util
import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import TensorBoardLogger

from resformer_unet.training.input.arrays import load_arrays
from resformer_unet.training.input.augmentation.chain import build_augmentation
from resformer_unet.training.input.loaders import batch_text, make_loaders
from resformer_unet.training.loop.callbacks import ExponentialMovingAverage, SeededSteps, TrainingProgress
from resformer_unet.training.loop.checkpoints import (
    BEST,
    LAST,
    AtomicCheckpoints,
    EpochCheckpoints,
    check_fits,
    load_checkpoint,
    next_epoch,
)
from resformer_unet.training.loop.curves import PICTURE, draw_curves
from resformer_unet.training.loop.epoch_log import EpochLog, Utilisation
from resformer_unet.training.loop.losses import class_weights
from resformer_unet.training.loop.module import ResFormerModule
from resformer_unet.training.plan import TrainingPlan
from resformer_unet.training.setup.distributed_context import DistributedContext
from resformer_unet.training.setup.initial_weights import InitialWeights
from resformer_unet.training.setup.precision import fast_precision
from resformer_unet.training.setup.pretrained import pretrained_weights
from resformer_unet.training.setup.pretrained_source import pretrained_source

SEEDS = 2**32  # that Lightning and NumPy tell apart


@dataclass(frozen=True)
class Fitted:
    """What a training took.

    Attributes:
        seconds: of all epochs, also those before ``--resume``.
        utilisation: of the device, see :class:`.Utilisation`; ``None`` where no step was taken.
    """

    seconds: float
    utilisation: float | None


def fit(
    plan: TrainingPlan,
    work: Path,
    device: torch.device,
    precision: str | None,
    workers: int | None,
    resume: bool,
    context: DistributedContext,
    progress: Callable[[str, int, int], None],
    note: Callable[[str], None],
) -> Fitted:
    """Train to the last epoch; the checkpoints are in ``work`` then.

    Args:
        resume: go on after the last epoch whose checkpoint is in ``work``; the first, if none is.

    Raises:
        EngineError: CHECKPOINT_UNUSABLE, TRAINING_DIVERGED, DISK_FULL.
    """
    recipe, descriptor, config = plan.recipe, plan.descriptor, plan.config
    lightning.seed_everything(recipe.seed % SEEDS, workers=True, verbose=False)
    augment = build_augmentation(recipe.augmentation, descriptor["input"], recipe.seed)
    train_set = load_arrays(plan.splits.train, descriptor, augment, lambda *n: progress("reading training images", *n))
    val_set = load_arrays(plan.splits.val, descriptor, None, lambda *n: progress("reading validation images", *n))
    loaders = make_loaders(train_set, val_set, recipe, workers, context)
    if text := batch_text(loaders[0], recipe, context):
        note(text)
    weights = class_weights(train_set.labels, config.diagnoses, recipe.class_balance) if config.diagnoses else None
    module = ResFormerModule(config, recipe, weights, steps=recipe.epochs * len(loaders[0]))
    # A training that was interrupted before its first checkpoint starts over.
    checkpoint = work / LAST if resume and (work / LAST).exists() else None
    if checkpoint:
        content = load_checkpoint(checkpoint)
        check_fits(content, module, checkpoint)
        load_checkpoint(work / BEST)  # may become the model: that it is damaged is better known now than at the end
        loaders[0].sampler.set_epoch(next_epoch(content))
    else:
        _set_initial_weights(module, plan, note)

    timer, utilisation, log = Timer(), Utilisation(), EpochLog(work)  # --resume continues their counts
    averaging = ExponentialMovingAverage(recipe.ema_decay)
    seeded = SeededSteps(recipe.seed)
    _quieten_lightning()
    trainer = lightning.Trainer(
        **context.trainer_options(device),
        max_epochs=recipe.epochs,
        precision=fast_precision(device) if precision in (None, "auto") else precision,
        logger=_tensorboard(work),
        callbacks=[
            timer,
            seeded,
            averaging,
            utilisation,
            TrainingProgress(progress, note),
            log,
            EpochCheckpoints(work),
        ],
        plugins=[AtomicCheckpoints()],
        gradient_clip_val=5.0,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        use_distributed_sampler=False,  # EpochSampler divides the slices itself
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    try:
        with _quiet_writer_of_tensorboard():
            trainer.fit(module, *loaders, ckpt_path=checkpoint)
    except SystemExit:  # raised by Lightning on Ctrl+C
        raise KeyboardInterrupt from None
    finally:
        if context.first:
            _draw(work, log, recipe.epochs)
    return Fitted(timer.time_elapsed("train"), utilisation.overall)


def _set_initial_weights(module: ResFormerModule, plan: TrainingPlan, note: Callable[[str], None]) -> None:
    if plan.recipe.pretrained != "none":
        module.network.load_state_dict(pretrained_weights(plan.config), strict=False)
        note(f"The encoder's convolutions begin with the weights of {pretrained_source(plan.config).name}.")
    elif plan.initial:
        for line in InitialWeights.load(plan.initial, module.network, plan.descriptor).summary():
            note(line)


def _draw(work: Path, log: EpochLog, epochs: int) -> None:
    if log.rows and importlib.util.find_spec("matplotlib"):
        draw_curves(work / PICTURE, log.rows, epochs)


def _tensorboard(work: Path) -> TensorBoardLogger | bool:
    """A log for TensorBoard where it is installed; a resumed training continues it."""
    if not importlib.util.find_spec("tensorboard"):
        return False
    return TensorBoardLogger(work, name=None, version="tensorboard")


@contextmanager
def _quiet_writer_of_tensorboard() -> Iterator[None]:
    """Its thread ends with a traceback where the disk is full; the training notices that, and says so in a sentence."""
    before = threading.excepthook
    threading.excepthook = lambda failure: None if issubclass(failure.exc_type, OSError) else before(failure)
    try:
        yield
    finally:
        threading.excepthook = before


def _quieten_lightning() -> None:
    """Hide its tips, list of devices and deprecation warnings, which a user cannot act on."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"(lightning|torch)\..*")
    warnings.filterwarnings("ignore", message=".*(does not have many workers|checkpoint directory|treespec).*")
