"""The pictures of docs/benchmarks.md."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from fits import straight_line  # noqa: E402
from networks import ONNX, OURS, SHOWN  # noqa: E402
from results import Results  # noqa: E402

COLORS = {"ours": "#2b6cb0", "others": "#a0aec0", "line": "#4a5568"}
STYLE = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
         "axes.spines.right": False}  # fmt: skip


def draw_forward(results: Results, path: Path) -> bool:
    """Bars of each network's time as a multiple of small's, in the setting with most networks; False without any."""
    rows = results.all("forward", device="cpu")
    if not rows:
        return False
    settings = {(row["side"], row["batch"], row["threads"]) for row in rows}

    def rank(setting: tuple[int, int, int]) -> tuple[int, int, int, int]:
        side, batch, threads = setting
        present = results.all("forward", device="cpu", side=side, batch=batch, threads=threads)
        return len(present), -batch, -side, threads

    side, batch, threads = max(settings, key=rank)
    chosen = {
        row["network"]: row["times_small"]
        for row in results.all("forward", device="cpu", side=side, batch=batch, threads=threads)
    }
    names = [name for name in SHOWN if name in chosen][::-1]
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 0.4 * len(names) + 1.0), layout="constrained")
        colors = [COLORS["ours" if name in OURS or name == ONNX else "others"] for name in names]
        bars = axes.barh(names, [chosen[name] for name in names], color=colors)
        axes.bar_label(bars, fmt="%.1f×", padding=3)
        axes.set_xlabel(f"time of a forward pass over small's: {side}×{side}, batch {batch}, CPU, {threads} thread(s)")
        _save(figure, path)
    return True


def draw_growth(results: Results, path: Path) -> bool:
    """Time and memory against the number of slices, with a line of least squares; False with less than three points."""
    rows = results.all("growth")
    sizes = [row["size"] for row in rows]
    if not sizes:
        return False
    size = max(sizes, key=sizes.count)
    rows = sorted(results.all("growth", size=size), key=lambda row: row["slices"])
    if len(rows) < 3:
        return False
    slices = [row["slices"] for row in rows]
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained")
        for axes, key, label in zip(panels, ("seconds", "peak_mb"), ("time, s", "memory, MB"), strict=True):
            line = straight_line(slices, [row[key] for row in rows])
            ends = [0, max(slices)]
            axes.plot(ends, [line.constant + line.slope * end for end in ends], color=COLORS["line"], linewidth=1)
            axes.plot(slices, [row[key] for row in rows], "o", color=COLORS["ours"])
            axes.set_xlabel(f"slices of {size}×{size}")
            axes.set_ylabel(label)
            axes.set_ylim(0, 1.1 * max(row[key] for row in rows))
        _save(figure, path)
    return True


def _save(figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
