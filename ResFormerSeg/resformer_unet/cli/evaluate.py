"""The command ``resformer-unet evaluate``."""

from __future__ import annotations

import argparse
import sys

from resformer_unet.cli.arguments import add_dataset, add_device, add_model, path
from resformer_unet.cli.progress import Progress, print_line

SUMMARY = "evaluate a model on a data set with masks and labels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    add_model(parser)
    parser.add_argument("--split", default="test", help="split of labels.csv to use (default: test)")
    parser.add_argument("--output", required=True, type=path, metavar="FILE",
                        help="report to write, JSON; the report card lies beside it as HTML")  # fmt: skip
    parser.add_argument("--stress", action="store_true",
                        help="also evaluate some of the cases under shifts of contrast, noise, resolution and others, "
                        "at three strengths each; takes more than thirty times as long for these cases")  # fmt: skip
    add_device(parser)


def run(arguments: argparse.Namespace) -> int:
    """1 if any case could not be evaluated."""
    from resformer_unet.atomic_files import check_writable
    from resformer_unet.data.dataset import load_dataset
    from resformer_unet.evaluation.evaluate import evaluate
    from resformer_unet.evaluation.report_card.page import beside, check_packages, write_evaluation_and_card
    from resformer_unet.evaluation.stress import stress_test
    from resformer_unet.evaluation.summary import summarise
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.catalog import find_model

    check_packages()
    check_writable(arguments.output)
    card = beside(arguments.output)
    check_writable(card)
    progress = Progress()
    predictor = Predictor(find_model(arguments.model), arguments.device)
    report = evaluate(
        arguments.dataset, predictor, arguments.split, lambda done, total: progress("evaluating", done, total)
    )
    cases = load_dataset(arguments.dataset, arguments.split)
    if arguments.stress:
        report["stress"] = stress_test(cases, predictor, lambda done, total: progress("stress test", done, total))
    write_evaluation_and_card(
        arguments.output, report, cases, predictor, lambda done, total: progress("drawing cases", done, total)
    )
    progress.close()
    print_line(summarise(report), sys.stdout)
    print_line(f"report card: {card}", sys.stdout)
    return 1 if report["failed"] else 0
