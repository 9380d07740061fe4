"""Plot of the learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from resformer_unet.atomic_files import atomic_file
from resformer_unet.training.loop.checkpoints import first_candidate

PICTURE = "learning-curves.png"
_PANELS = (("Loss", "train_"), ("Validation", "val_"))


def draw_curves(path: Path, rows: Sequence[Mapping[str, float]], epochs: int) -> None:
    """Write a PNG of losses and validation metrics over the epochs; the best epoch is marked.

    Args:
        rows: metrics of each epoch by name, as :class:`.EpochLog` has them; at least one.
        epochs: of the whole training.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    # Not through pyplot, which would need a display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    candidates = [row for row in rows if row["epoch"] > first_candidate(epochs)] or rows  # these count from 1
    best = max(candidates, key=lambda row: row.get("val_score", 0.0))["epoch"]
    numbers = [row["epoch"] for row in rows]
    for axes, (title, prefix) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for name in sorted({name for row in rows for name in row if name.startswith(prefix)}):
            values = [row.get(name, float("nan")) for row in rows]
            label = name.removeprefix(prefix).replace("_", " ")
            axes.plot(numbers, values, label=label, marker="." if len(rows) == 1 else None, linewidth=1.5)
        axes.axvline(best, color="0.6", linestyle=":", label=f"best epoch ({best})")
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    with atomic_file(path) as temporary:
        canvas.print_png(str(temporary))
