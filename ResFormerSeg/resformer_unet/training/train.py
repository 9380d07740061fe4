"""One run from a data set to a model bundle."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, Timer
from lightning.pytorch.loggers import CSVLogger
from monai.data.utils import worker_init_fn
from torch.utils.data import DataLoader

from ..bundle import WEIGHTS, ModelBundle, check_descriptor
from ..devices import choose_device, describe_device
from ..errors import EngineError
from ..network import NetworkConfig
from .arrays import SliceArrays, load_arrays
from .augmentation import build_augmentation
from .callbacks import TrainingProgress, WarmedUpAverage
from .draft import draft_descriptor
from .finish import finish_bundle
from .losses import class_weights
from .module import ResFormerModule
from .recipe import Recipe
from .run_record import check_record, write_record
from .splits import Splits

MOST_WORKERS = 8  # processes that prepare images; more of them only cost memory


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
    progress: Callable[[str, int, int], None] | None = None,
    note: Callable[[str], None] | None = None,
) -> ModelBundle:
    """Train, choose the best epoch by validation, calibrate, evaluate on the test split and write the bundle.

    Checkpoints and the log (``metrics.csv``) lie in ``<output>.training``; they may be deleted afterwards.

    Args:
        output: the bundle's folder; the letters and digits of its name become the model's id.
        size: (height, width) of the network's input, in place of the descriptor's.
        precision: Lightning's word, for instance ``bf16-mixed``; by default mixed on a GPU and 32-bit elsewhere.
        workers: processes that load and vary images; by default all processors but the two that a CPU run computes
            on, at most eight.
        resume: go on from the last checkpoint of an interrupted run that was started with the same settings.
        progress: called with (what is being done, done, total).
        note: called with a line of figures after each epoch.

    Raises:
        EngineError: for a data set, recipe, device or output that cannot be used, before the training begins where
            that can be known; TRAINING_DIVERGED during it.
    """
    output = Path(output).resolve()
    work = output.with_name(output.name + ".training")
    progress = progress or (lambda what, done, total: None)
    torch_device = choose_device(device)
    splits = Splits.load(dataset)
    descriptor = recipe.descriptor or draft_descriptor(output.name, splits.train, size or (192, 192))
    if size:
        descriptor = {**descriptor, "input": {**descriptor["input"], "size": list(size)}}
    config = network_config(descriptor, recipe)
    splits.check_labels(descriptor)
    descriptor = _described(descriptor, config, recipe, torch_device, Path(dataset).resolve().name, output.name, splits)
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    vary = build_augmentation(recipe.augmentation, descriptor["input"], recipe.seed)
    _prepare_folder(output, work, descriptor, resume)

    train_set = load_arrays(splits.train, descriptor, vary, lambda *n: progress("reading training images", *n))
    val_set = load_arrays(splits.val, descriptor, None, lambda *n: progress("reading validation images", *n))

    workers = min(MOST_WORKERS, max(0, (os.cpu_count() or 1) - 2)) if workers is None else workers
    loaders = _loaders(train_set, val_set, recipe, workers)
    weights = class_weights(train_set.labels, config.diagnoses, recipe.class_balance) if config.diagnoses else None
    module = ResFormerModule(config, recipe, weights, steps=recipe.epochs * len(loaders[0]))
    best = ModelCheckpoint(work, "best", monitor="val_score", mode="max")
    last = ModelCheckpoint(work, "last")  # of every epoch; the option save_last saves with a new best one only
    timer = Timer()  # counts on after --resume
    telling = TrainingProgress(progress, note or (lambda line: None))
    on_gpu = torch_device.type != "cpu"
    _quieten_lightning()
    trainer = lightning.Trainer(
        max_epochs=recipe.epochs,
        accelerator={"cuda": "gpu"}.get(torch_device.type, torch_device.type),
        devices=[torch_device.index or 0] if torch_device.type == "cuda" else 1,
        precision=precision or ("bf16-mixed" if on_gpu else "32-true"),
        logger=CSVLogger(work, name=None, version=""),
        callbacks=[best, last, timer, WarmedUpAverage(recipe.averaging), telling],
        gradient_clip_val=5.0,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    try:
        trainer.fit(module, *loaders, ckpt_path=_last_checkpoint(work) if resume else None)
    except SystemExit:  # what Lightning makes of Ctrl+C
        raise KeyboardInterrupt from None

    kept = torch.load(best.best_model_path, map_location="cpu", weights_only=True)["state_dict"]
    prefix = "network."
    weights = {key.removeprefix(prefix): x for key, x in kept.items() if key.startswith(prefix)}
    descriptor["training"]["seconds"] = round(timer.time_elapsed("train"))
    return finish_bundle(
        output, descriptor, weights, val_set, {"val": splits.val, "test": splits.test}, device, progress
    )


def network_config(descriptor: dict, recipe: Recipe) -> NetworkConfig:
    """The network that a descriptor's channels, segments and diagnoses and a recipe's preset ask for."""
    segmentation, diagnosis = descriptor.get("segmentation"), descriptor.get("diagnosis")
    presets = {"small": NetworkConfig.small, "base": NetworkConfig.base}
    if recipe.preset not in presets:
        raise EngineError("RECIPE_INVALID", f"There is no preset “{recipe.preset}”.", f"Use {' or '.join(presets)}.")
    try:
        tasks = {
            "in_channels": descriptor["input"]["channels"],
            "segments": len(segmentation["segments"]) if segmentation else 0,
            "exclusive": bool(segmentation and segmentation["exclusive"]),
            "diagnoses": len(diagnosis["classes"]) if diagnosis else 0,
        }
    except (KeyError, TypeError) as error:
        raise EngineError(
            "RECIPE_INVALID", f"The recipe's descriptor is not complete: {error}.", "Correct it."
        ) from None
    try:
        return presets[recipe.preset](**{**recipe.network, **tasks})
    except (TypeError, ValueError) as error:
        raise EngineError("RECIPE_INVALID", f"The recipe's network is impossible: {error}.", "Correct it.") from None


def _described(
    descriptor: dict,
    config: NetworkConfig,
    recipe: Recipe,
    device: torch.device,
    dataset: str,
    output_name: str,
    splits: Splits,
) -> dict:
    """The descriptor with all that is known before training, checked: a fault found afterwards would cost hours.

    What a recipe says of its training data and their licence holds for the data set of the recipe's own name only.
    """
    recipes_own = dataset == descriptor["id"] and descriptor.get("training", {}).get("data")
    data = descriptor["training"]["data"][0] if recipes_own else {"name": dataset, **_NOT_STATED}
    training = {
        "data": [{**data, "cases": len(splits.train)}],
        "recipe": _hyperparameters(recipe),
        "date": date.today().isoformat(),
        "epochs": recipe.epochs,
        "seconds": 0,
        "device": describe_device(device),
    }
    known = {
        **descriptor,
        "id": re.sub("[^a-z0-9]+", "-", output_name.lower()).strip("-") or "model",
        "licence": descriptor["licence"] if recipes_own else "not stated",
        "network": config.to_dict(),
        "training": training,
        "calibration": None,
        "results": [],
    }
    weights = {"file": WEIGHTS, "sha256": "0" * 64, "bytes": 1, "dtype": "float16"}  # of the right form, to pass
    check_descriptor({**known, "weights": weights}, Path("descriptor of the recipe"))
    return known


_NOT_STATED = {"licence": "not stated", "citation": "not stated"}


def _prepare_folder(output: Path, work: Path, descriptor: dict, resume: bool) -> None:
    """Make the run's folder now, so that an output that cannot be written does not cost a training."""
    try:
        if output.exists() and not output.is_dir():
            raise FileExistsError(17, "there is a file of that name")
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"The model cannot be written to “{output}” ({error.strerror}).",
            "Choose a folder in which you may write.",
        ) from None
    if resume:
        check_record(work, descriptor)
    else:
        write_record(work, descriptor)


def _loaders(train_set: SliceArrays, val_set: SliceArrays, recipe: Recipe, workers: int) -> list[DataLoader]:
    size = min(recipe.batch_size, len(train_set))
    shuffled = torch.Generator().manual_seed(recipe.seed)
    return [
        DataLoader(
            train_set,
            size,
            shuffle=True,
            drop_last=True,  # batch normalisation of a last batch of one picture would be of no use
            generator=shuffled,
            num_workers=workers,
            worker_init_fn=worker_init_fn,  # variations of its own for each process, from the one seed
            persistent_workers=workers > 0,
        ),
        DataLoader(val_set, 2 * size),
    ]


def _last_checkpoint(work: Path) -> Path:
    """The newest: each run that began afresh in the same folder has left a ``last`` of its own."""
    found = sorted(work.glob("last*.ckpt"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise EngineError("NOTHING_TO_RESUME", f"There is no checkpoint in {work}.", "Start without --resume.")
    return found[-1]


def _quieten_lightning() -> None:
    """Its tips, its list of devices and its own deprecation warnings say nothing to a user of this program."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module=r"(lightning|torch)\..*")
    warnings.filterwarnings("ignore", message=".*(does not have many workers|checkpoint directory|treespec).*")


def _hyperparameters(recipe: Recipe) -> dict:
    values = asdict(recipe)
    del values["descriptor"]
    return values
