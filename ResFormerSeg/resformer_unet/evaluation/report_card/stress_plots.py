"""Plots of a stress test: results under each shift, and risk-coverage curves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from resformer_unet.evaluation.report_card.plots import BLUE, COLOURS, GREY, ORANGE, svg
from resformer_unet.evaluation.shifts import STRENGTHS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADES = ("#90cdf4", BLUE, "#1a365d")  # of the strengths
MEASURES = {"dice": "Dice", "macro_auc": "macro AUC"}
LOSSES = {"segmentation": "1 − Dice", "diagnosis": "wrong diagnoses"}


def results_under_shifts(stress: Mapping) -> str:
    """Dice and macro AUC under each shift, a point for each strength; the line is the result without a shift."""
    measures = [key for key in MEASURES if stress["unshifted"][key] is not None]
    titles = list(dict.fromkeys(row["title"] for row in stress["shifts"]))

    def draw(figure: Figure) -> None:
        axes = figure.subplots(1, max(len(measures), 1), sharey=True, squeeze=False)[0]
        for axis, key in zip(axes, measures, strict=False):
            axis.axvline(stress["unshifted"][key], color=ORANGE, linewidth=1)
            for shade, strength in zip(SHADES, STRENGTHS, strict=True):
                rows = [row for row in stress["shifts"] if row["strength"] == strength and row[key] is not None]
                places = [titles.index(row["title"]) for row in rows]
                axis.plot([row[key] for row in rows], places, "o", color=shade, markersize=4, label=strength)
            axis.set_yticks(range(len(titles)), titles)
            axis.set_xlabel(MEASURES[key])
        axes[0].invert_yaxis()
        axes[-1].legend(frameon=False, fontsize=7)

    return svg(draw, height=0.9 + 0.25 * len(titles))


def risk_coverage_curves(curves: Mapping[str, Mapping | None]) -> str:
    """Mean loss among the cases that are answered, the most usual first; a dot where the model warns."""

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
            if curve is None:
                continue
            axis.plot(curve["coverage"], curve["risk"], color=colour, label=f"{LOSSES[name]}, area {curve['area']:.3f}")
            if curve["threshold"]["risk"] is not None:
                axis.plot(curve["threshold"]["coverage"], curve["threshold"]["risk"], "o", color=colour, markersize=5)
        axis.set_xlim(0, 1)
        axis.set_ylim(0, None)
        axis.axhline(0, color=GREY, linewidth=0.5)
        axis.set_xlabel("coverage: fraction of the cases that are answered")
        axis.set_ylabel("risk")
        axis.legend(frameon=False)

    return svg(draw, height=3.2)
