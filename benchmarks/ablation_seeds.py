"""Each seed's difference to the full network: what one training says, and how far another contradicts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ablation_differences import against_full, common_seeds

SHOWN = {"dice": "Dice", "macro_auc": "macro AUC"}
SPLITS = ("test", "val")


def seed_by_seed(rows: Sequence[Mapping], variants: Iterable[str]) -> str:
    """A Markdown table for each set and settings: the seeds' differences in their order, on both splits."""
    tables = []
    for first, full, others in against_full(rows, variants):
        columns = [(figure, split) for figure in SHOWN for split in SPLITS]
        heads = [f"{SHOWN[figure]}, {split}" for figure, split in columns]
        lines = [f"| {first['set']}: each seed minus the full network | {' | '.join(heads)} |"]
        lines += ["|---|" + "---|" * len(columns)]
        for name, own in others.items():
            cells = [seed_differences(full, own, figure, split).values() for figure, split in columns]
            shown = [", ".join(f"{value:+.3f}" for value in values) or "–" for values in cells]
            lines.append(f"| {name} | {' | '.join(shown)} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables) + "\n" if tables else ""


def seed_differences(
    full: Sequence[Mapping], other: Sequence[Mapping], figure: str, split: str = "test"
) -> dict[int, float]:
    """The differences in a figure by seed, of the seeds that both networks have; none of a task that one lacks."""
    found = {}
    for seed in common_seeds(full, other):
        pair = [next(row for row in rows if row["seed"] == seed) for rows in (full, other)]
        first, second = (row["results"][split][figure] for row in pair)
        if first is not None and second is not None:
            found[seed] = second - first
    return found
