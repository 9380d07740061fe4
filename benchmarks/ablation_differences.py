"""How sure the ablation's differences are: a paired bootstrap over the cases of the test split.

In each resample the same cases are drawn for both networks and all their seeds; a figure is its mean over the seeds.
Efron, Tibshirani: An Introduction to the Bootstrap. Chapman & Hall, 1993.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ablation_networks import FULL
from resformer_unet.evaluation import metrics
from resformer_unet.evaluation.bootstrap import RESAMPLES, draws, interval

FIGURES = {"dice": "Dice", "macro_auc": "macro AUC", "accuracy": "accuracy"}


def differences(rows: Sequence[Mapping], variants: Iterable[str]) -> str:
    """A Markdown table for each set and settings: each variant minus the full network, with a 95 % interval."""
    tables = []
    for first, found in paired_with_full(rows, variants):
        lines = [f"| {first['set']}, test: minus the full network | {' | '.join(FIGURES.values())} | seeds |"]
        lines += ["|---|" + "---|" * (len(FIGURES) + 1)]
        for name, (seeds, own) in found.items():
            cells = [_cell(own.get(figure)) for figure in FIGURES]
            lines.append(f"| {name} | {' | '.join(cells)} | {', '.join(map(str, seeds))} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables) + "\n" if tables else ""


def paired_with_full(
    rows: Sequence[Mapping], variants: Iterable[str]
) -> list[tuple[Mapping, dict[str, tuple[list[int], dict]]]]:
    """For each set and settings its first row, and by variant the seeds compared and what ``paired`` finds of them.

    Runs whose cases are not known are left out; a ``printed_difference`` that was found before they were lost takes
    the place of what is found of fewer seeds.
    """
    found = []
    for first, full, others in against_full(rows, variants):
        compared = {}
        for name, own in others.items():
            pair = [[row for row in runs if row["results"]["test"].get("per_case")] for runs in (full, own)]
            seeds = common_seeds(*pair)
            printed = next((row["printed_difference"] for row in own if "printed_difference" in row), {"seeds": []})
            if len(printed["seeds"]) > len(seeds):
                found_then = {figure: (value, limits) for figure, (value, *limits) in printed["figures"].items()}
                compared[name] = printed["seeds"], found_then
            elif seeds:
                compared[name] = seeds, paired(*pair)
        if compared:
            found.append((first, compared))
    return found


def against_full(
    rows: Sequence[Mapping], variants: Iterable[str]
) -> list[tuple[Mapping, Sequence[Mapping], dict[str, Sequence[Mapping]]]]:
    """For each set and settings its first row, the full network's rows, and those of the other variants by name."""
    runs: dict[str, list[Mapping]] = {}
    for row in rows:
        runs.setdefault(json.dumps([row["set"], row["settings"]]), []).append(row)
    found = []
    for members in runs.values():
        by_variant = {name: [row for row in members if row["variant"] == name] for name in variants}
        full = by_variant.pop(FULL, [])
        others = {name: own for name, own in by_variant.items() if own}
        if full and others:
            found.append((members[0], full, others))
    return found


def common_seeds(full: Sequence[Mapping], other: Sequence[Mapping]) -> list[int]:
    return sorted({row["seed"] for row in full} & {row["seed"] for row in other})


def paired(full: Sequence[Mapping], other: Sequence[Mapping]) -> dict[str, tuple[float, list[float]]]:
    """(difference, [low, high]) by figure, of the tasks and the seeds that both networks have."""
    seeds = common_seeds(full, other)
    pair = [[row["results"]["test"]["per_case"] for row in rows if row["seed"] in seeds] for rows in (full, other)]
    count = len(pair[0][0]["label"]) if seeds else 0
    if not count:
        return {}
    whole = [_means(cases, np.ones((1, count))) for cases in pair]
    drawn = [[_means(cases, counts) for cases in pair] for counts in draws(count, RESAMPLES, 0)]
    found = {}
    for name in whole[0].keys() & whole[1].keys():
        values = np.concatenate([second[name] - first[name] for first, second in drawn])
        found[name] = (float(whole[1][name][0] - whole[0][name][0]), interval(values, count))
    return found


def _means(seeds: Sequence[Mapping], weights: np.ndarray) -> dict[str, np.ndarray]:
    """Figures (resamples,), each the mean over the seeds."""
    by_seed = [_figures(cases, weights) for cases in seeds]
    return {name: np.mean([figures[name] for figures in by_seed], axis=0) for name in by_seed[0]}


def _figures(cases: Mapping, weights: np.ndarray) -> dict[str, np.ndarray]:
    found = {}
    if cases["dice"] is not None:
        found["dice"] = metrics.weighted_mean([np.nan if dice is None else dice for dice in cases["dice"]], weights)
    if cases["probabilities"] is not None:
        labels = np.array(cases["label"])
        known = labels >= 0
        probabilities, labels, weights = np.array(cases["probabilities"])[known], labels[known], weights[:, known]
        found["accuracy"] = metrics.accuracy(probabilities, labels, weights)
        areas = [metrics.auc(scores, labels == index, weights) for index, scores in enumerate(probabilities.T)]
        found["macro_auc"] = metrics.mean_of_defined(np.stack(areas, axis=-1))
    return found


def _cell(found: tuple[float, list[float] | None] | None) -> str:
    if found is None:
        return "–"
    difference, limits = found
    return f"{difference:+.3f}" + (f" ({limits[0]:+.3f} to {limits[1]:+.3f})" if limits else "")
