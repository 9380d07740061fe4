"""Draws a small data set in the layout that `resformer-unet train` reads, to try a training within minutes.

    python Testing/draw_training_set.py FOLDER [--cases 60]

The pictures are synthetic skin images with a pale or a dark spot; the spot's contour and its kind are to be learnt.
They hold no patient data, and a model trained on them has no other use.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image

from helpers.synthetic_samples import skinSample

DARKNESS = {"pale_spot": 0.15, "dark_spot": 0.85}
SPLITS = ("train", "train", "train", "val", "test")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws a small data set to try a training with.")
    parser.add_argument("folder", type=Path, help="folder to make; it must not exist yet")
    parser.add_argument("--cases", type=int, default=60, help="number of pictures (default: 60)")
    options = parser.parse_args()
    drawTrainingSet(options.folder, options.cases)
    print(f"{options.cases} pictures with masks and labels were written to {options.folder}")


def drawTrainingSet(folder: Path, cases: int) -> None:
    """Writes labels.csv, images and masks; kinds alternate, three fifths of the cases are for training."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table)
        rows.writerow(["id", "label", "split", "group"])
        for case in range(cases):
            label = list(DARKNESS)[case % len(DARKNESS)]
            sample = skinSample(seed=1000 + case, darkness=DARKNESS[label])
            name = f"spot{case:04d}"
            Image.fromarray(sample.voxels[0]).save(folder / "images" / f"{name}.png")
            Image.fromarray(sample.lesion[0].astype(np.uint8) * 255).save(folder / "masks" / f"{name}.png")
            rows.writerow([name, label, SPLITS[case // len(DARKNESS) % len(SPLITS)], name])


if __name__ == "__main__":
    main()
