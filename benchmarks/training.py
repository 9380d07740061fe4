"""Training: images a second and the utilisation of the device, on synthetic pictures.

    python benchmarks/training.py [--cases 160] [--epochs 3] [--side 192] [--device auto]

Images a second are those of the steps within an epoch, from the end of its first step to the end of its last; the
median over the epochs. Reading the data set, validation and what follows the training are not in it, nor in the
utilisation, which is the training's own (see `metrics.csv` of any training).
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from measuring import put
from resformer_unet.inference.backends.devices import choose_device, describe_device
from resformer_unet.training.setup.recipe import PRETRAINED, Recipe
from resformer_unet.training.train import train

sys.path.append(str(Path(__file__).resolve().parents[1] / "Testing"))

from draw_training_set import drawTrainingSet  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=160, help="pictures drawn, of which 3 in 5 train (default: 160)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--side", type=int, default=192, help="rows and columns of the network's input (default: 192)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--preset", default="small", choices=("small", "base"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pretrained", choices=PRETRAINED, default=PRETRAINED[0], help="initial weights")
    options = parser.parse_args()
    steps: list[tuple[int, float]] = []
    in_all = 0

    def note(what: str, done: int, total: int) -> None:
        nonlocal in_all
        if what == "training":
            in_all = total
            steps.append((done, time.perf_counter()))

    recipe = Recipe().changed(
        preset=options.preset, epochs=options.epochs, batch_size=options.batch, pretrained=options.pretrained
    )
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        drawTrainingSet(folder / "set", options.cases)
        train(
            folder / "set", folder / "model", recipe,
            device=options.device, size=(options.side, options.side), progress=note,
        )  # fmt: skip
        with open(folder / "model.training" / "metrics.csv", encoding="utf-8") as table:
            utilisation = [float(row["utilisation"]) for row in csv.DictReader(table)]
    put(
        "training",
        preset=options.preset,
        side=options.side,
        batch=options.batch,
        epochs=options.epochs,
        device=describe_device(choose_device(options.device)),
        threads=torch.get_num_threads(),
        images_per_second=_images_per_second(steps, in_all // options.epochs, options.batch),
        utilisation=statistics.median(utilisation),
    )


def _images_per_second(steps: list[tuple[int, float]], per_epoch: int, batch: int) -> float:
    """steps: number of each step, from 1, and when it ended."""
    if per_epoch < 2:
        raise SystemExit("An epoch needs at least two steps: give more --cases or a smaller --batch.")
    ended = dict(steps)
    rates = []
    for first in range(1, len(steps) + 1, per_epoch):
        last = first + per_epoch - 1
        rates.append((last - first) * batch / (ended[last] - ended[first]))
    return statistics.median(rates)


if __name__ == "__main__":
    main()
