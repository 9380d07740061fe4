"""Synthetic data sets in the documented layout: discs on noise, of which the bright ones are malignant."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

COLUMNS = ("id", "label", "split", "group")


def write_table(folder: Path, rows: Sequence[dict], columns: Sequence[str] | None = None, **options) -> Path:
    """Write ``labels.csv``; ``options`` are those of ``open``."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", **{"newline": "", "encoding": "utf-8", **options}) as file:
        writer = csv.DictWriter(file, columns or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def write_pixels(path: Path, pixels: np.ndarray, spacing: Sequence[float] | None = None) -> Path:
    """Write (rows, columns[, 3]) or, for volumes, (slices, rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(pixels, isVector=pixels.shape[-1] == 3)
    if spacing:
        image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))
    return path


def disc_picture(seed: int, malignant: bool, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (size, size) picture and its mask of 0 and 255."""
    random = np.random.default_rng(seed)
    row, column = random.uniform(0.35 * size, 0.65 * size, 2)
    grid = np.arange(size)
    inside = np.hypot(grid[:, None] - row, grid - column) < size / 5
    picture = random.normal(40, 8, (size, size)) + inside * (170 if malignant else 90)
    return picture.clip(0, 255).astype(np.uint8), (255 * inside).astype(np.uint8)


def write_discs(
    folder: Path,
    counts: dict[str, int] | None = None,
    *,
    masks: bool = True,
    labels: bool = True,
    change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] = lambda picture, mask: (picture, mask),
    suffix: str = ".png",
) -> Path:
    """Write a data set with ``counts`` pictures by split, benign and malignant ones in turn.

    ``change`` turns picture and mask into what is stored, for instance colour or a volume.
    """
    rows = []
    for split, count in (counts or {"train": 6, "val": 4, "test": 2}).items():
        for index in range(count):
            name, malignant = f"{split}-{index}", bool(index % 2)
            picture, mask = change(*disc_picture(len(rows), malignant))
            write_pixels(folder / "images" / (name + suffix), picture)
            if masks:
                write_pixels(folder / "masks" / (name + suffix), mask)
            label = ("malignant" if malignant else "benign") if labels else ""
            rows.append({"id": name, "label": label, "split": split, "group": name})
    return write_table(folder, rows)
