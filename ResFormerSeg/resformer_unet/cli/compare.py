"""The command ``resformer-unet compare``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from resformer_unet.cli.arguments import MODEL_HELP, add_dataset, add_device, path
from resformer_unet.cli.program_events import Send, run_for_a_program
from resformer_unet.cli.progress import Progress, print_line

SUMMARY = "compare two models on the same held-out cases"
SHOWN_CASES = 5
NAMES = {
    "dice": "Dice", "macro_auc": "AUC", "balanced_accuracy": "balanced accuracy", "accuracy": "accuracy",
    "brier": "Brier score", "ece": "calibration error",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--models", required=True, nargs=2, metavar=("OLD", "NEW"), help=f"each the {MODEL_HELP}")
    parser.add_argument("--split", default="test", help="split of labels.csv to use (default: test)")
    parser.add_argument("--output", type=path, metavar="FILE", help="comparison to write, JSON")
    parser.add_argument("--json", action="store_true", help="for programs: events as JSON lines")
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """1 if any case could not be evaluated."""
    if arguments.json:
        return run_for_a_program(lambda send: _carry_out(arguments, send))
    progress = Progress()
    comparison = _compare(arguments, lambda done, total: progress("comparing", done, total))
    progress.close()
    for line in lines_of(comparison):
        print_line(line, sys.stdout)
    return 1 if comparison["failed"] else 0


def _carry_out(arguments: argparse.Namespace, send: Send) -> dict:
    comparison = _compare(arguments, lambda done, total: send("progress", task="comparing", done=done, total=total))
    return {"event": "result", "comparison": comparison}


def _compare(arguments: argparse.Namespace, progress: Callable[[int, int], None]) -> dict:
    from resformer_unet.atomic_files import atomic_write_text, check_writable
    from resformer_unet.evaluation.model_comparison import compare_models
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.catalog import find_model

    if arguments.output:
        check_writable(arguments.output)
    predictors = [Predictor(find_model(name), arguments.device) for name in arguments.models]
    comparison = compare_models(arguments.dataset, *predictors, arguments.split, progress)
    if arguments.output:
        text = json.dumps(comparison, indent=2, ensure_ascii=False, allow_nan=False)
        atomic_write_text(arguments.output, text + "\n")
    return comparison


def lines_of(comparison: dict) -> list[str]:
    """The comparison for the terminal."""
    lines = [f"{'':<18} {'old':>22} {'new':>22} {'difference':>24}"]
    for row in comparison["figures"]:
        cells = [
            f"{row[name]:{sign}.3f}{_span(row[f'{name}_interval'])}"
            for name, sign in (("first", ""), ("second", ""), ("difference", "+"))
        ]
        lines.append(f"{NAMES[row['figure']]:<18} {cells[0]:>22} {cells[1]:>22} {cells[2]:>24}")
    lines.append(comparison["text"])
    lines.append("worst cases of the new model (Dice, probability of the right diagnosis; old → new):")
    for row in comparison["cases"][:SHOWN_CASES]:
        dice, probability = (
            f"{_number(row[f'{name}_first'])} → {_number(row[f'{name}_second'])}" for name in ("dice", "probability")
        )
        lines.append(f"  {row['case']}: {dice}, {probability}")
    return lines + [f"failed: {row['case']}: {row['message']}" for row in comparison["failed"]]


def _span(interval: list[float] | None) -> str:
    return f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
