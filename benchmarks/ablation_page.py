"""The ablation's page: what is said of the runs is written by hand, the tables after it are made of the runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ablation_differences import differences
from ablation_networks import VARIANTS
from ablation_seeds import seed_by_seed
from ablation_table import markdown

MADE = "<!-- From here on made by benchmarks/ablation.py --page. -->"


def write_page(rows: Sequence[dict], page: Path) -> None:
    """Replace what follows the line ``MADE``, or append it and the tables where the page has no such line."""
    said = page.read_text("utf-8").partition(MADE)[0].rstrip() if page.exists() else ""
    page.write_text("\n\n".join(part for part in (said, MADE, tables(rows)) if part), encoding="utf-8")


def tables(rows: Sequence[dict]) -> str:
    """The tables of each set and settings, ending in a line break."""
    runs: dict[str, list[dict]] = {}
    for row in sorted(rows, key=lambda row: row["set"]):
        runs.setdefault(json.dumps([row["set"], row["settings"]]), []).append(row)
    parts = []
    for own in runs.values():
        parts += [markdown(own, VARIANTS), seed_by_seed(own, VARIANTS), differences(own, VARIANTS)]
    return "\n".join(part for part in parts if part)
