"""The command ``resformer-unet check-data``."""

from __future__ import annotations

import argparse
import sys

from resformer_unet.cli.arguments import add_dataset
from resformer_unet.cli.progress import Progress, print_line

SUMMARY = "check a data set and list its problems; train does so too"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--recipe", metavar="NAME|FILE", help="whose diagnoses and segments are the only ones allowed")


def run(arguments: argparse.Namespace) -> int:
    """1 if the data set has errors."""
    from resformer_unet.data.check.check_data import check_data
    from resformer_unet.training.setup.description import check_recipe
    from resformer_unet.training.setup.recipe import Recipe, load_recipe

    recipe = load_recipe(arguments.recipe) if arguments.recipe else Recipe()
    check_recipe(recipe)
    progress = Progress()
    report = check_data(arguments.dataset, recipe.descriptor, progress)
    progress.close()
    for line in [*report.summary, *report.table(), report.verdict]:
        print_line(line, sys.stdout)
    return 1 if report.errors else 0
