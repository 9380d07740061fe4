"""The command ``resformer-unet train``."""

from __future__ import annotations

import argparse
import shlex
import sys

from resformer_unet.cli.arguments import add_dataset, add_device, add_options, chosen, path
from resformer_unet.cli.progress import Progress, print_line
from resformer_unet.training.setup.options import TrainOptions

SUMMARY = "train a model on a data set and write it as a model folder"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--output", required=True, type=path, metavar="FOLDER", help="model folder to write")
    add_options(parser, TrainOptions, exclusive=("preset", "init"))
    add_device(parser, engine=False)


def run(arguments: argparse.Namespace) -> int:
    from resformer_unet.model.catalog import find_model
    from resformer_unet.training.setup.recipe import Recipe, load_recipe
    from resformer_unet.training.train import train

    options = chosen(TrainOptions, arguments)
    recipe = load_recipe(options.recipe) if options.recipe else Recipe()
    recipe = recipe.changed(**options.recipe_changes())
    progress = Progress()
    bundle = train(
        arguments.dataset,
        arguments.output,
        recipe,
        device=arguments.device,
        **options.run_settings(),
        initial=find_model(options.init) if options.init else None,
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
    print_line(f"  resformer-unet predict IMAGE --model {shlex.quote(str(bundle.folder))} --output DIR", sys.stdout)
    return 0
