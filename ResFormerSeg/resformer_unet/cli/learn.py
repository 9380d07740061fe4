"""The command ``resformer-unet learn``."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import asdict, fields

from resformer_unet.cli.arguments import MODEL_HELP, add_dataset, add_device, add_option, path
from resformer_unet.cli.program_events import Send, run_for_a_program
from resformer_unet.cli.progress import Progress, print_line
from resformer_unet.errors import EngineError
from resformer_unet.training.setup.options import TrainOptions

SUMMARY = "train a model further on a training set, such as “collect” makes, as a new model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--init", required=True, metavar="ID|FOLDER", help=MODEL_HELP)
    parser.add_argument("--output", type=path, metavar="FOLDER", help="model folder to write")
    for entry in fields(TrainOptions):
        if entry.name in ("epochs", "batch_size", "learning_rate", "seed", "workers", "resume"):
            add_option(parser, entry)
    parser.add_argument("--estimate", action="store_true", help="only measure how long it will take, on a few steps")
    parser.add_argument("--json", action="store_true",
                        help="for programs: events as JSON lines; the end of the input pauses it")  # fmt: skip
    add_device(parser, engine=False)


def run(arguments: argparse.Namespace) -> int:
    if arguments.output is None and not arguments.estimate:
        raise EngineError("BAD_OPTION", "--output is missing.", "Name the model folder to write.")
    names = ("epochs", "batch_size", "learning_rate", "seed", "workers", "resume")
    options = TrainOptions(**{name: getattr(arguments, name) for name in names})
    if arguments.json:
        return run_for_a_program(lambda send: _carry_out(arguments, options, send))
    return _run_for_a_user(arguments, options)


def _run_for_a_user(arguments: argparse.Namespace, options: TrainOptions) -> int:
    from resformer_unet.learning.learn import learn
    from resformer_unet.learning.time_estimate import estimate_time

    progress = Progress()
    if arguments.estimate:
        found = estimate_time(
            arguments.dataset, arguments.init, options, arguments.device, lambda *n: progress("measuring", *n)
        )
        progress.close()
        minutes = max(1, round(found.seconds / 60))
        print_line(
            f"about {minutes} minute{'s' if minutes > 1 else ''} ({found.epochs} epochs, {found.steps} steps)",
            sys.stdout,
        )
        return 0
    bundle = learn(
        arguments.dataset, arguments.output, arguments.init, options, arguments.device, progress, progress.note
    )
    progress.close()
    old, new, data = (shlex.quote(str(name)) for name in (arguments.init, bundle.folder, arguments.dataset))
    print_line(f"The model is in {bundle.folder}. Whether it is better tells:", sys.stdout)
    print_line(f"  resformer-unet compare {data} --models {old} {new}", sys.stdout)
    return 0


def _carry_out(arguments: argparse.Namespace, options: TrainOptions, send: Send) -> dict:
    from resformer_unet.learning.learn import learn
    from resformer_unet.learning.time_estimate import estimate_time

    def progress(task: str, done: int, total: int) -> None:
        send("progress", task=task, done=done, total=total)

    if arguments.estimate:
        found = estimate_time(
            arguments.dataset, arguments.init, options, arguments.device, lambda *n: progress("measuring", *n)
        )
        return {"event": "estimate", **asdict(found)}
    bundle = learn(
        arguments.dataset, arguments.output, arguments.init, options, arguments.device, progress,
        lambda text: send("note", text=text),
    )  # fmt: skip
    return {"event": "result", "folder": str(bundle.folder), "results": bundle.descriptor["results"]}
