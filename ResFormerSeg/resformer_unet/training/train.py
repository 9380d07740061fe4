"""One run from a data set to a model bundle."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lightning
from lightning.pytorch.callbacks import Timer
from lightning.pytorch.loggers import TensorBoardLogger

from resformer_unet.atomic_files import atomic_file
from resformer_unet.data.check.check_data import check_data
from resformer_unet.data.draft_descriptor import draft_descriptor
from resformer_unet.data.splits import Splits
from resformer_unet.inference.backends.devices import choose_device, describe_device
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.training.finish.finish_bundle import finish_bundle
from resformer_unet.training.finish.patient_regression import fit_patient_regression
from resformer_unet.training.input.arrays import load_arrays
from resformer_unet.training.input.augmentation.chain import build_augmentation
from resformer_unet.training.input.loaders import make_loaders
from resformer_unet.training.loop.callbacks import ExponentialMovingAverage, SeededSteps, TrainingProgress
from resformer_unet.training.loop.checkpoints import (
    BEST,
    LAST,
    AtomicCheckpoints,
    EpochCheckpoints,
    check_fits,
    load_checkpoint,
    network_weights,
    next_epoch,
)
from resformer_unet.training.loop.curves import PICTURE, draw_curves
from resformer_unet.training.loop.epoch_log import EpochLog, Utilisation
from resformer_unet.training.loop.losses import class_weights
from resformer_unet.training.loop.module import ResFormerModule
from resformer_unet.training.setup.description import check_recipe, described, network_config
from resformer_unet.training.setup.distributed_context import DistributedContext
from resformer_unet.training.setup.initial_weights import InitialWeights
from resformer_unet.training.setup.precision import fast_precision
from resformer_unet.training.setup.pretrained import pretrained_weights
from resformer_unet.training.setup.pretrained_source import pretrained_source
from resformer_unet.training.setup.recipe import Recipe
from resformer_unet.training.setup.run_record import begin_run, check_record

DEFAULT_SIZE = (192, 192)  # rows and columns of the network's input


def train(
    dataset: str | Path,
    output: str | Path,
    recipe: Recipe,
    *,
    device: str = "auto",
    size: tuple[int, int] | None = None,
    precision: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    stress: bool = False,
    initial: ModelBundle | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> ModelBundle | None:
    """Train, choose the best epoch by validation, calibrate, evaluate on the test split and write the bundle.

    Checkpoints, metrics of each epoch (``metrics.csv``, and TensorBoard's where that is installed) and learning curves
    are written to ``<output>.training``; the folder may be deleted afterwards. Of several processes that ``torchrun``
    started, only rank 0 writes files and reports progress.

    Args:
        output: the bundle's folder; the letters and digits of its name become the model's id.
        size: (height, width) of the network's input, in place of the descriptor's.
        precision: as in Lightning's trainer; ``None`` or ``auto``: see :func:`.fast_precision`.
        workers: processes that load and augment images, see :func:`.make_loaders`.
        resume: continue after the last complete epoch of an interrupted run with the same settings.
        stress: evaluate under shifts too, see :func:`.stress_test`.
        initial: model for the initialisation: its network structure, and its weights wherever they fit.
        progress: called with (what is being done, done, total).
        note: called with a line of text, for instance the metrics of an epoch.

    Returns:
        The bundle; ``None`` in all processes but rank 0.

    Raises:
        EngineError: for a data set, recipe, device or output that cannot be used, before the training begins where
            that can be known; TRAINING_DIVERGED or DISK_FULL during it.
    """
    output = Path(output).resolve()
    work = output.with_name(output.name + ".training")
    context = DistributedContext.from_environment()
    progress = progress if progress and context.first else (lambda what, done, total: None)
    note = note if note and context.first else (lambda line: None)
    torch_device = choose_device(device)
    if initial:
        recipe = InitialWeights.with_structure_of(initial, recipe)
    check_recipe(recipe)
    known_values = None
    if context.first:
        report = check_data(dataset, recipe.descriptor, progress)
        for line in report.table():
            note(line)
        report.raise_first_error()
        known_values = report.mask_values
    splits = Splits.load(dataset)
    size = size or (tuple(initial.descriptor["input"]["size"]) if initial and not recipe.descriptor else None)
    descriptor = recipe.descriptor
    if descriptor is None:
        values = known_values and set().union(*(known_values.get(case.id, ()) for case in splits.train))
        descriptor = draft_descriptor(output.name, splits.train, size or DEFAULT_SIZE, values)
    if size:
        descriptor = {**descriptor, "input": {**descriptor["input"], "size": list(size)}}
    config = network_config(descriptor, recipe)
    splits.check_labels(descriptor)
    name = Path(dataset).resolve().name
    on = describe_device(torch_device)
    descriptor = described(descriptor, config, recipe, on, name, output.name, len(splits.train), initial)
    if recipe.cardiac_diagnosis:
        classes = [entry["id"] for entry in descriptor["diagnosis"]["classes"]]
        patients = fit_patient_regression(splits.train, descriptor["segmentation"]["segments"], classes)
        descriptor["patient_diagnosis"] = patients
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    augment = build_augmentation(recipe.augmentation, descriptor["input"], recipe.seed)
    if resume:
        check_record(work, descriptor)
    elif context.first and (earlier := begin_run(output, work, descriptor)):
        note(f"The files of an earlier training were moved to {earlier}; delete them if they are not needed.")

    train_set = load_arrays(splits.train, descriptor, augment, lambda *n: progress("reading training images", *n))
    val_set = load_arrays(splits.val, descriptor, None, lambda *n: progress("reading validation images", *n))
    loaders = make_loaders(train_set, val_set, recipe, workers, context)
    weights = class_weights(train_set.labels, config.diagnoses, recipe.class_balance) if config.diagnoses else None
    module = ResFormerModule(config, recipe, weights, steps=recipe.epochs * len(loaders[0]))
    checkpoint = (
        work / LAST if resume and (work / LAST).exists() else None
    )  # interrupted before the first one: start over
    if checkpoint:
        content = load_checkpoint(checkpoint)
        check_fits(content, module, checkpoint)
        loaders[0].sampler.set_epoch(next_epoch(content))
    elif recipe.pretrained != "none":
        module.network.load_state_dict(pretrained_weights(config), strict=False)
        note(f"The encoder's convolutions begin with the weights of {pretrained_source(config).name}.")
    elif initial:
        for line in InitialWeights.load(initial, module.network, descriptor).summary():
            note(line)

    timer, utilisation, log = Timer(), Utilisation(), EpochLog(work)  # --resume continues their counts
    averaging = ExponentialMovingAverage(recipe.ema_decay)
    seeded = SeededSteps(recipe.seed)
    _quieten_lightning()
    trainer = lightning.Trainer(
        **context.trainer_options(torch_device),
        max_epochs=recipe.epochs,
        precision=fast_precision(torch_device) if precision in (None, "auto") else precision,
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
    if not context.first:
        return None

    if utilisation.overall is not None:
        name = "CPU" if torch_device.type == "cpu" else "GPU"
        note(f"{name} utilisation {utilisation.overall:.0%}; the rest of the time was waiting for images.")
    descriptor["training"]["seconds"] = round(timer.time_elapsed("train"))
    trained = network_weights(load_checkpoint(work / BEST))
    evaluated = {"val": splits.val, "test": splits.test}
    bundle = finish_bundle(output, descriptor, trained, evaluated, device, progress, splits.train, stress)
    if (work / PICTURE).exists():
        with atomic_file(bundle.folder / PICTURE) as copy:
            shutil.copyfile(work / PICTURE, copy)
    return bundle


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
