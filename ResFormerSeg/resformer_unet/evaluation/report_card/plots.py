"""Plots of an evaluation as SVG, drawn by matplotlib (of the extra "train")."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.evaluation.metrics import roc_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#2b6cb0", "#c05621", "#718096"
COLOURS = (BLUE, ORANGE, "#2f855a", "#805ad5", "#b83280", GREY)
WIDTH = 4.4  # inches
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small files, and the reader's fonts
    "svg.hashsalt": "resformer-unet",  # reproducible files
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
}


def _remembered(plot: Callable[..., str]) -> Callable[..., str]:
    """Draws equal plots once: the report card of a model repeats those of its last split."""
    drawn: dict[bytes, str] = {}

    @wraps(plot)
    def remembered(*arguments) -> str:
        key = pickle.dumps(arguments)
        if key not in drawn:
            if len(drawn) >= 16:
                drawn.clear()
            drawn[key] = plot(*arguments)
        return drawn[key]

    return remembered


@_remembered
def overlap_distribution(name: str, values: Mapping[str, Sequence[float]]) -> str:
    """Histograms of an overlap figure, one below the other for each segment, with the median as a line.

    Args:
        name: Dice or Jaccard.
        values: of the cases, 0 to 1, by the segment's name.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(values), 1, sharex=True, squeeze=False)[:, 0]
        for axis, (segment, numbers) in zip(axes, values.items(), strict=True):
            axis.hist(numbers, bins=np.linspace(0, 1, 21), color=BLUE, alpha=0.75)
            title = f"{segment}: {len(numbers)} cases"
            if len(numbers):
                axis.axvline(float(np.median(numbers)), color=ORANGE)
                title += f", median {np.median(numbers):.3f}"
            axis.set_title(title, loc="left")
            axis.set_ylabel("cases")
            axis.set_xlim(0, 1)
        axes[-1].set_xlabel(name)

    return svg(draw, height=0.7 + 1.7 * len(values))


@_remembered
def roc_curves(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], areas: Sequence) -> str:
    """Receiver operating characteristic of each class against the rest.

    Args:
        probabilities: (cases, classes); labels: int (cases,).
        areas: under the curves, ``None`` for a class that has no curve.
    """

    def draw(figure: Figure) -> None:
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        for index, (name, area) in enumerate(zip(classes, areas, strict=True)):
            if area is not None:
                rates = roc_curve(probabilities[:, index], labels == index)
                axis.plot(*rates, color=COLOURS[index % len(COLOURS)], label=f"{name}, AUC {area:.3f}")
        axis.set_xlabel("1 − specificity")
        axis.set_ylabel("sensitivity")
        axis.set_aspect("equal")
        axis.legend(loc="lower right", frameon=False)

    return svg(draw, height=4.2)


@_remembered
def reliability_diagram(bins: Sequence[Mapping], error: float, title: str) -> str:
    """Accuracy against predicted probability, and below the number of cases.

    Args:
        bins: rows of :func:`.reliability`; error: their calibration error.
    """

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        middles = [(row["low"] + row["high"]) / 2 for row in bins]
        widths = [row["high"] - row["low"] for row in bins]
        upper.plot([0, 1], [0, 1], color=GREY, linestyle=":")
        upper.bar(middles, [row["accuracy"] for row in bins], widths, color=BLUE, alpha=0.75, edgecolor="white")
        confidence, accuracy = ([row[key] for row in bins] for key in ("confidence", "accuracy"))
        upper.plot(confidence, accuracy, "o", color=ORANGE, markersize=4)
        upper.set_ylim(0, 1)
        upper.set_ylabel("accuracy")
        upper.set_title(f"{title}: ECE {error:.3f}", loc="left")
        lower.bar(middles, [row["cases"] for row in bins], widths, color=GREY, edgecolor="white")
        lower.set_xlim(0, 1)
        lower.set_ylabel("cases")
        lower.set_xlabel("probability of the predicted diagnosis")

    return svg(draw, height=4.2)


@_remembered
def group_distribution(values: Mapping[str, Sequence[float]]) -> str:
    """Box plots of the groups' mean Dice, one for each segment, with every group as a point."""

    def draw(figure: Figure) -> None:
        axis: Axes = figure.subplots()
        axis.boxplot(list(values.values()), orientation="horizontal", showfliers=False, widths=0.6)
        for row, numbers in enumerate(values.values(), start=1):
            axis.plot(numbers, np.full(len(numbers), row), "o", color=BLUE, alpha=0.4, markersize=4)
        axis.set_yticks(range(1, len(values) + 1), list(values))
        axis.set_xlim(0, 1)
        axis.set_xlabel("mean Dice of a group")

    return svg(draw, height=0.8 + 0.6 * len(values))


def import_matplotlib() -> ModuleType:
    """Raises EngineError: TRAINING_EXTRA_MISSING."""
    try:
        import matplotlib.figure
    except ImportError as error:
        raise EngineError(
            "TRAINING_EXTRA_MISSING",
            "Drawing an evaluation needs the package matplotlib, which is not installed.",
            'Install it with: pip install "resformer-unet[train]"',
        ) from error
    return matplotlib


def svg(draw: Callable[[Figure], None], height: float) -> str:
    """What ``draw`` draws, as text; ``height`` in inches."""
    matplotlib = import_matplotlib()
    with matplotlib.rc_context(_STYLE):
        figure = matplotlib.figure.Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
