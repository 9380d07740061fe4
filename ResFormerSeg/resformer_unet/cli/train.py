"""The command ``resformer-unet train``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from resformer_unet.cli.arguments import add_dataset, add_device
from resformer_unet.cli.progress import Progress, print_line

SUMMARY = "train a model on a data set and write it as a model folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--output", required=True, type=Path, metavar="FOLDER", help="model folder to write")
    parser.add_argument(
        "--recipe", metavar="NAME|FILE", help="descriptor and hyperparameters; without it, they are read off the data"
    )
    structure = parser.add_mutually_exclusive_group()
    structure.add_argument("--preset", choices=("small", "base"), help="size of the network (default: the recipe's)")
    structure.add_argument("--init", metavar="ID|FOLDER",
                           help="begin with this model's network and weights; its classes may differ")  # fmt: skip
    parser.add_argument("--epochs", type=_positive, metavar="N", help="passes over the training split")
    parser.add_argument("--batch-size", type=_positive, metavar="N", help="slices a step")
    parser.add_argument("--size", type=_positive, nargs=2, metavar=("ROWS", "COLUMNS"), help="input of the network")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="peak learning rate")
    parser.add_argument("--seed", type=int, metavar="N", help="random seed (default: 0)")
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed", "16-mixed"),
                        help="default: bf16-mixed on a GPU, 32-true on the CPU")  # fmt: skip
    parser.add_argument("--workers", type=_not_negative, metavar="N", help="processes that prepare training images")
    parser.add_argument("--resume", action="store_true", help="go on after an interrupted training's last epoch")
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    from resformer_unet.model.catalog import find_model
    from resformer_unet.training.setup.recipe import Recipe, load_recipe
    from resformer_unet.training.train import train

    recipe = load_recipe(arguments.recipe) if arguments.recipe else Recipe()
    recipe = recipe.changed(
        preset=arguments.preset,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        learning_rate=arguments.learning_rate,
        seed=arguments.seed,
    )
    progress = Progress()
    bundle = train(
        arguments.dataset,
        arguments.output,
        recipe,
        device=arguments.device,
        size=tuple(arguments.size) if arguments.size else None,
        precision=arguments.precision,
        workers=arguments.workers,
        resume=arguments.resume,
        initial=find_model(arguments.init) if arguments.init else None,
        progress=progress,
        note=progress.note,
    )
    progress.close()
    if bundle is None:  # the first process of a distributed training reports
        return 0
    for row in bundle.descriptor["results"]:
        figures = ", ".join(f"{name} {value:.3f}" for name, value in row["metrics"].items())
        print_line(f"{row['split']} ({row['cases']} cases): {figures}", sys.stdout)
    print_line(f"The model is in {bundle.folder}. Use it with:", sys.stdout)
    print_line(f"  resformer-unet predict IMAGE --model {bundle.folder} --output DIR", sys.stdout)
    return 0


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _not_negative(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number
