"""The pictures of the benchmarks and of the ablation."""

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
        save(figure, path)
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
        save(figure, path)
    return True


PARTS = {  # of the waterfall
    "read": "#dd6b20", "check, percentiles": "#d69e2e", "prepare": "#d69e2e", "network": "#2b6cb0",
    "masks": "#38a169", "components, report": "#38a169", "write": "#805ad5",
}  # fmt: skip
NAMES = {"prepare": "slices prepared", "masks": "masks of slices"}


def draw_waterfall(bars: list[tuple[str, str, float, float]], path: Path) -> None:
    """The parts of a whole job: one line a thread, time to the right; ``bars`` as `waterfall.py` lays them out."""
    threads = list(dict.fromkeys(thread for _, thread, _, _ in bars))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(7, 0.5 * len(threads) + 1.3), layout="constrained")
        named = set()
        for part, thread, begin, end in bars:
            label = None if part in named else NAMES.get(part, part)
            named.add(part)
            axes.barh(threads.index(thread), end - begin, left=begin, color=PARTS[part], height=0.6, label=label,
                      edgecolor="white", linewidth=0.3)  # fmt: skip
        axes.set_yticks(range(len(threads)), threads)
        axes.invert_yaxis()
        axes.set_xlabel("seconds, laid out from processor times as on two free cores")
        figure.legend(loc="outside upper left", ncols=4, frameon=False)
        save(figure, path)


def draw_scale(rows: list[dict], path: Path) -> None:
    """Time and memory along many small cases, of the longest run, and memory by the size of a volume."""
    cases = [row for row in rows if row["part"] == "scale cases"]
    volumes = sorted((row for row in rows if row["part"] == "scale volume"), key=lambda row: row["count"])
    with plt.rc_context(STYLE):
        figure, (time, memory, volume) = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
        if cases:
            row = max(cases, key=lambda row: row["count"])
            time.plot(row["at"], row["ms"], color=COLORS["ours"])
            time.set(xlabel="cases done", ylabel="processor time of a case, ms")
            memory.plot(row["at"], row["own_mb"], color=COLORS["ours"], label="this process")
            memory.plot(row["at"], row["reader_mb"], color=COLORS["others"], label="reader process")
            memory.set(xlabel="cases done", ylabel="memory, MB")
            memory.legend(frameon=False)
        if volumes:
            sizes = [row["voxels_mb"] for row in volumes]
            volume.plot(sizes, [row["peak_mb"] for row in volumes], "o-", color=COLORS["ours"], label="this process")
            volume.plot(sizes, [row["reader_peak_mb"] for row in volumes], "o-", color=COLORS["others"],
                        label="reader process")  # fmt: skip
            volume.plot(sizes, sizes, ":", color=COLORS["line"], label="the voxels alone")
            volume.set(xlabel="voxels of a volume, MB", ylabel="peak memory, MB")
            volume.legend(frameon=False)
        for axes in (time, memory, volume):
            axes.set_ylim(bottom=0)
        save(figure, path)


def save(figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
