"""Cross-validation of a recipe over the groups of a data set: for sets too small to be judged by one split.

    python benchmarks/cross_validation.py ../shared/data/retina-oct --recipe retina-oct --output runs/retina-folds

Each fold trains on the other groups, of which some select the epoch and calibrate, and is measured on its own groups
by `resformer-unet evaluate`, which the training has not seen. A killed run goes on with the same command; beside a
running one it is refused (`TRAINING_RUNNING`).
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from resformer_unet.atomic_files import atomic_file, atomic_write_text
from resformer_unet.cli.main import main as resformer_unet
from resformer_unet.training.setup.run_folder import refuse_if_running, run_folder

FOLDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--folds", type=int, default=FOLDS)
    options, of_the_training = parser.parse_known_args()
    with (options.dataset / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    reports = []
    for fold, splits in enumerate(folds(rows, options.folds)):
        data, model = options.output / f"data-{fold}", options.output / f"fold-{fold}"
        work = run_folder(model)
        if not (model / "model.json").exists():
            refuse_if_running(model)  # it reads the split that would be written anew
            write_split(options.dataset, data, rows, splits)
            resume = ["--resume"] if (work / "last.ckpt").exists() else []
            arguments = ["train", data, "--recipe", options.recipe, "--output", model, *resume, *of_the_training]
            if failed := resformer_unet([str(argument) for argument in arguments]):
                return failed
        reports.append(json.loads((work / "evaluation-test.json").read_text("utf-8")))
    result = pooled(reports)
    atomic_write_text(options.output / "cross-validation.json", json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


def folds(rows: list[dict], count: int) -> Iterator[dict[str, str]]:
    """For each fold the split of each group: a ``count``-th of the groups is its test split, the next its ``val``."""
    groups = sorted({row["group"] or row["id"] for row in rows})
    parts = np.array_split(np.random.default_rng(0).permutation(groups), count)
    for fold in range(count):
        chosen = {"test": parts[fold], "val": parts[(fold + 1) % count][:1]}
        yield {group: next((split for split, names in chosen.items() if group in names), "train") for group in groups}


def write_split(dataset: Path, folder: Path, rows: list[dict], splits: dict[str, str]) -> None:
    """The data set with other splits; images and masks are linked."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("images", "masks"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to((dataset / name).resolve())
    with atomic_file(folder / "labels.csv") as whole, whole.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "split": splits[row["group"] or row["id"]]} for row in rows)


def pooled(reports: list[dict]) -> dict:
    """Mean Dice over the cases of all folds with a reference, and the folds' own figures."""
    dice = [
        value
        for report in reports
        for case in report["per_case"]
        for value in (case["dice"] or {}).values()
        if value is not None
    ]
    labelled = [case for report in reports for case in report["per_case"] if case["label"] and case["diagnosis"]]
    correct = [case["diagnosis"]["label"] == case["label"] for case in labelled]
    by_fold = [
        {
            "cases": report["cases"],
            "dice": report["segmentation"]["dice"]["mean"],
            "accuracy": report["diagnosis"] and report["diagnosis"]["accuracy"],
        }
        for report in reports
    ]
    accuracy = float(np.mean(correct)) if correct else None
    return {"dice": float(np.mean(dice)) if dice else None, "accuracy": accuracy, "folds": by_fold}


if __name__ == "__main__":
    raise SystemExit(main())
