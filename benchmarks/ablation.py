"""Ablation: the same training with one part of the network removed, and with other networks.

    python benchmarks/ablation.py --data ../shared/data --sets breast-ultrasound --epochs 12
    python benchmarks/ablation.py --page docs/ablation.md

Every run of a variant, a seed and a data set that has finished is one JSON line of --results; runs found there are
skipped, so that the work can be interrupted and resumed. Seeds are the outermost loop: an interrupted series has all
variants, with fewer seeds. All variants train by the recipe of the shipped model, at its input size, with the same
augmentation, batches and order; the number of epochs is frozen beforehand. The moving average of the weights after the
last epoch is evaluated, without choosing an epoch by validation, so that neither the validation nor the test split
influenced the training.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import lightning
import numpy as np
import torch

from ablation_data import PreparedSet, fraction_of, prepare
from ablation_networks import FULL, VARIANTS, WITHOUT_PRETRAINING, build_network
from ablation_page import write_page
from ablation_picture import draw_differences
from ablation_time import forward_time
from network_cost import network_cost
from resformer_unet.evaluation.metrics import mean, overlap
from resformer_unet.evaluation.reported_metrics import diagnosis_metrics, for_json
from resformer_unet.training.input.arrays import UNKNOWN, SliceArrays
from resformer_unet.training.input.augmentation.chain import build_augmentation
from resformer_unet.training.input.loaders import make_loaders
from resformer_unet.training.loop.callbacks import ExponentialMovingAverage, SeededSteps, TrainingProgress
from resformer_unet.training.loop.losses import class_weights
from resformer_unet.training.loop.module import ResFormerModule, binary_masks
from resformer_unet.training.setup.pretrained import pretrained_weights
from resformer_unet.training.setup.recipe import Recipe, load_recipe, recipe_names

TARGETS = ("melanoma", "malignant")  # whose sensitivity is reported; otherwise that of the last diagnosis


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.page:
        rows = _finished(options.results)
        write_page(rows, options.page)
        draw_differences(rows, VARIANTS, options.page.with_suffix(".svg"))
        return 0
    if len(options.epochs) not in (1, len(options.sets)):
        sys.exit("Give --epochs one number, or one for each of --sets.")
    recipes = {name: load_recipe(name) if name in recipe_names() else Recipe() for name in options.sets}
    sizes = {name: tuple(options.size or _own_size(recipes[name])) for name in options.sets}
    if any(side % 16 for size in sizes.values() for side in size):
        sys.exit("nnU-Net's network halves the images four times: give a --size of multiples of 16.")
    torch.set_num_threads(options.threads)
    epochs = dict(zip(options.sets, options.epochs * len(options.sets), strict=False))
    prepared = {name: prepare(options.data / name, sizes[name], options.cache, _report) for name in options.sets}
    for seed in options.seeds:
        for name in options.sets:
            for variant in options.variants:
                settings = {
                    "epochs": epochs[name],
                    "size": list(sizes[name]),
                    "batch_size": recipes[name].batch_size,
                    "learning_rate": recipes[name].learning_rate,
                    "initial_image_scale": recipes[name].initial_image_scale,
                    "precision": options.precision,
                    "train_fraction": options.train_fraction,
                }
                key = {"set": name, "variant": variant, "seed": seed, "settings": settings}
                if any(key.items() <= row.items() for row in _finished(options.results)):
                    continue
                row = {**key, **run(prepared[name], recipes[name], name, variant, seed, settings)}
                options.results.parent.mkdir(parents=True, exist_ok=True)
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                test = row["results"]["test"]
                shown = ", ".join(
                    f"{figure} {test[figure]:.3f}" for figure in ("dice", "macro_auc") if test[figure] is not None
                )
                print(f"{name}, {variant}, seed {seed}: test {shown}; {row['seconds_per_epoch']:.1f} s an epoch")
    return 0


def run(data: PreparedSet, recipe: Recipe, name: str, variant: str, seed: int, settings: dict) -> dict:
    """Train one variant and measure it on the validation and the test split."""
    pretrained = "none" if variant in WITHOUT_PRETRAINING else recipe.pretrained
    recipe = recipe.changed(epochs=settings["epochs"], seed=seed, pretrained=pretrained)
    train_set = fraction_of(data.train, settings["train_fraction"])
    lightning.seed_everything(seed, workers=True, verbose=False)
    network = build_network(variant, **data.tasks)
    parameters, gmac = network_cost(network, data.tasks["in_channels"], *settings["size"])
    vary = build_augmentation(recipe.augmentation, data.descriptor["input"], seed)
    loader, _ = make_loaders(replace(train_set, transform=vary), data.val, recipe, workers=0)
    config = network.config
    weights = class_weights(train_set.labels, config.diagnoses, recipe.class_balance) if config.diagnoses else None
    module = ResFormerModule(config, recipe, weights, steps=recipe.epochs * len(loader))
    if recipe.pretrained != "none":
        network.load_state_dict(pretrained_weights(config), strict=False)
    module.network = network.to(memory_format=torch.channels_last)
    _quieten_lightning()
    progress = TrainingProgress(lambda _, *done: _report(f"{name}, {variant}, seed {seed}", *done), lambda line: None)
    trainer = lightning.Trainer(
        max_epochs=recipe.epochs,
        accelerator="cpu",
        precision=settings["precision"],
        callbacks=[SeededSteps(seed), ExponentialMovingAverage(recipe.ema_decay), progress],
        gradient_clip_val=5.0,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
    )
    wall, cpu = time.perf_counter(), time.process_time()
    trainer.fit(module, loader)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    milliseconds, times_full = forward_time(
        network, build_network(FULL, **data.tasks), data.tasks["in_channels"], *settings["size"]
    )
    target = next((label for label in TARGETS if label in data.classes), data.classes[-1])
    splits = {"val": data.val, "test": data.test}
    return {
        "training_images": len(train_set),
        "parameters": parameters,
        "gmac": gmac,
        "milliseconds": milliseconds,
        "times_full": times_full,
        "seconds_per_epoch": wall / recipe.epochs,
        "cpu_seconds_per_epoch": cpu / recipe.epochs,
        "target": target,
        "pretrained": recipe.pretrained,
        "results": {split: measure(network, arrays, data.classes, target) for split, arrays in splits.items()},
    }


@torch.inference_mode()
def measure(network: torch.nn.Module, arrays: SliceArrays, classes: Sequence[str], target: str) -> dict:
    """Figures of a split at the network's input size; ``None`` for those of a task that the network lacks.

    ``per_case`` has the Dice of each case (mean over the segments that it contains), the probabilities of its
    diagnoses, and its label's index (-1: unknown).
    """
    network.eval()
    outputs = [network(images.float()) for images in arrays.images.split(32)]
    known = arrays.labels != UNKNOWN
    figures: dict = {
        "cases": len(arrays.labels),
        "target_cases": int((arrays.labels == classes.index(target)).sum()),
        **dict.fromkeys(("dice", "jaccard", "false_positive_rate")),
        **dict.fromkeys(("accuracy", "balanced_accuracy", "macro_auc", "sensitivity", "specificity", "ece")),
        **dict.fromkeys(("target_sensitivity", "target_specificity")),
        "per_case": {"dice": None, "probabilities": None, "label": arrays.labels.tolist()},
    }
    if network.config.segments:
        predicted = torch.cat([binary_masks(logits, network.config.exclusive) for logits in outputs]).bool()
        reference = arrays.masks.bool().numpy()
        figures |= _overlaps(predicted[arrays.has_mask].numpy(), reference[arrays.has_mask])
        figures["per_case"]["dice"] = [
            mean(overlap(p, r)[0] for p, r in zip(case, truth, strict=True) if r.any()) if masked else None
            for case, truth, masked in zip(predicted.numpy(), reference, arrays.has_mask.tolist(), strict=True)
        ]
    if network.config.diagnoses and known.any():
        probabilities = torch.cat([logits.diagnosis for logits in outputs]).softmax(1)
        figures["per_case"]["probabilities"] = [[round(p, 5) for p in row] for row in probabilities.tolist()]
        figures |= for_json(diagnosis_metrics(probabilities[known].numpy(), arrays.labels[known].numpy(), classes))
        figures |= {f"target_{name}": figures[name][target] for name in ("sensitivity", "specificity")}
    return figures


def _overlaps(predicted: np.ndarray, reference: np.ndarray) -> dict:
    """Means over the cases whose reference contains the segment; false positive rate where it is empty."""
    scores = [
        overlap(p, r)
        for case, truth in zip(predicted, reference, strict=True)
        for p, r in zip(case, truth, strict=True)
        if r.any()
    ]
    false_positives = [bool(case.any()) for case, truth in zip(predicted, reference, strict=True) if not truth.any()]
    return {
        "dice": mean(dice for dice, _ in scores),
        "jaccard": mean(jaccard for _, jaccard in scores),
        "false_positive_rate": mean(false_positives),
    }


def _own_size(recipe: Recipe) -> list[int]:
    return recipe.descriptor["input"]["size"] if recipe.descriptor else [96, 128]


def _finished(results: Path) -> list[dict]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.is_file() else []
    return [json.loads(line) for line in lines]


def _report(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{what}: {done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _quieten_lightning() -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the data sets")
    parser.add_argument("--sets", nargs="+", default=["breast-ultrasound"])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS, metavar="NAME")
    parser.add_argument("--epochs", nargs="+", type=int, default=[12], help="one number, or one for each set")
    parser.add_argument("--size", nargs=2, type=int, metavar=("ROWS", "COLUMNS"), help="instead of the recipe's")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--precision", default="32-true", help="as in Lightning's trainer: bf16-mixed")
    parser.add_argument(
        "--train-fraction", type=float, default=1.0, help="fraction of the training images of each diagnosis"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=Path(__file__).with_name("ablation-runs.jsonl"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/ablation"), help="prepared images are kept here")
    parser.add_argument(
        "--page", type=Path, help="train nothing: write the tables of --results into this page, and draw its picture"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
