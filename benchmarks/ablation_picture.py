"""The ablation's picture: each variant minus the full network, with its interval and each seed's difference."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ablation_differences import against_full, paired_with_full
from ablation_seeds import SHOWN, seed_differences
from plots import COLORS, STYLE, plt, save

WIDEST = 0.09  # of the axes, either way: what is farther off is written at the edge, so that the rest stays legible


def draw_differences(rows: Sequence[Mapping], variants: Iterable[str], path: Path) -> None:
    """A row of panels for each set, one a figure: lines are intervals, dots the seeds' differences, bars their mean."""
    variants = list(variants)
    sets = against_full(rows, variants)
    intervals = {id(first): found for first, found in paired_with_full(rows, variants)}
    heights = [0.24 * len(others) + 0.7 for _, _, others in sets]
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(len(sets), len(SHOWN), figsize=(8, sum(heights) + 0.3), squeeze=False,
                                      height_ratios=heights, layout="constrained")  # fmt: skip
        for (first, full, others), line in zip(sets, panels, strict=True):
            for axes, (key, title) in zip(line, SHOWN.items(), strict=True):
                for place, (name, own) in enumerate(others.items()):
                    _, found = intervals.get(id(first), {}).get(name, ([], {}))
                    _draw(axes, place, list(seed_differences(full, own, key).values()), found.get(key))
                axes.axvline(0, color=COLORS["line"], linewidth=0.8, zorder=0)
                axes.set_xlim(-WIDEST, WIDEST)
                axes.set_ylim(len(others) - 0.5, -0.5)
                axes.set_yticks(range(len(others)), list(others) if axes is line[0] else [])
                axes.set_xlabel(f"{title} minus the full network's")
            line[0].set_title(f"{first['set']}, {first['settings']['epochs']} epochs", loc="left")
        save(figure, path)


def _draw(axes: plt.Axes, place: int, seeds: list[float], found: tuple[float, Sequence[float] | None] | None) -> None:
    if not seeds:
        return
    mean, limits = sum(seeds) / len(seeds), found[1] if found else None
    if max(map(abs, (mean, *(limits or ())))) > WIDEST:
        edge, side = (WIDEST, "right") if mean > 0 else (-WIDEST, "left")
        arrow = f"{mean:+.2f} →" if mean > 0 else f"← {mean:+.2f}"
        axes.text(edge, place, arrow, ha=side, va="center", color=COLORS["ours"])
        return
    color = COLORS["ours" if limits and (limits[0] > 0 or limits[1] < 0) else "others"]
    if limits:
        axes.plot(limits, [place, place], color=color, linewidth=2)
    axes.plot(seeds, [place] * len(seeds), "o", color=COLORS["line"], markersize=3)
    axes.plot([mean], [place], "|", color=color, markersize=12, markeredgewidth=2)
