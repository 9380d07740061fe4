"""The results of the ablation as Markdown tables: mean ± standard deviation over the seeds."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence

COLUMNS = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "false_positive_rate": "false positive rate",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "target_sensitivity": "sensitivity",
    "target_specificity": "specificity",
    "macro_auc": "macro AUC",
}


def markdown(rows: Sequence[dict], variants: Iterable[str]) -> str:
    """One table for each data set, settings and split, in the order of the rows; variants in the order given."""
    variants = list(variants)
    runs: dict[str, list[dict]] = {}
    for row in rows:
        runs.setdefault(json.dumps([row["set"], row["settings"]]), []).append(row)
    parts = []
    for members in runs.values():
        first = members[0]
        present = [name for name in variants if any(row["variant"] == name for row in members)]
        parts.append(_heading(first))
        parts.append(_costs(members, present))
        for split in ("test", "val"):
            cases, positives = first["results"][split]["cases"], first["results"][split]["target_cases"]
            title = f"{first['set']}, {split}: {cases} cases, {positives} of them {first['target']}"
            parts.append(_figures(title, members, present, split))
    return "\n\n".join(parts) + "\n"


def _heading(row: dict) -> str:
    settings = row["settings"]
    rows, columns = settings["size"]
    growing = (
        "" if settings["initial_image_scale"] == 1 else f" (growing from {settings['initial_image_scale']:g} of it)"
    )
    return (
        f"## {row['set']}, {settings['epochs']} epochs\n\n"
        f"{row['training_images']} training images, {rows} × {columns} pixels{growing}, "
        f"batches of {settings['batch_size']}, learning rate {settings['learning_rate']:g}, {settings['precision']}; "
        f"the weights' average after the last epoch. Mean ± standard deviation over the seeds. Overlap at the "
        f"network's input size, without postprocessing; sensitivity and specificity for {row['target']}. Milliseconds "
        f"and seconds are processor time on one thread, in PyTorch."
    )


def _costs(rows: Sequence[dict], variants: Sequence[str]) -> str:
    lines = ["| network | parameters, M | GMAC | forward, ms | of the full network's | seconds an epoch | seeds |"]
    lines += ["|---|---|---|---|---|---|---|"]
    # A busy computer lengthens both times of a run alike: the full network's is taken from the least busy run.
    full = min(row["milliseconds"] / row["times_full"] for row in rows)
    for name in variants:
        runs = [row for row in rows if row["variant"] == name]
        timed = [row["cpu_seconds_per_epoch"] for row in runs if row["cpu_seconds_per_epoch"] is not None]
        seconds = f"{statistics.median(timed):.0f}" if timed else "–"
        seeds = ", ".join(map(str, sorted(row["seed"] for row in runs)))
        millions, cost = runs[0]["parameters"] / 1e6, runs[0]["gmac"]
        times = statistics.median(row["times_full"] for row in runs)
        lines.append(
            f"| {name} | {millions:.2f} | {cost:.2f} | {times * full:.0f} | {times:.2f}× | {seconds} | {seeds} |"
        )
    return "\n".join(lines)


def _figures(title: str, rows: Sequence[dict], variants: Sequence[str], split: str) -> str:
    columns = {
        key: name for key, name in COLUMNS.items() if any(row["results"][split][key] is not None for row in rows)
    }
    lines = [f"| {title} | {' | '.join(columns.values())} |", "|---|" + "---|" * len(columns)]
    for name in variants:
        figures = [row["results"][split] for row in rows if row["variant"] == name]
        cells = [_spread([row[key] for row in figures]) for key in columns]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float | None]) -> str:
    defined = [value for value in values if value is not None]
    if not defined:
        return "–"
    mean = f"{statistics.mean(defined):.3f}"
    return f"{mean} ± {statistics.stdev(defined):.3f}" if len(defined) > 1 else mean
