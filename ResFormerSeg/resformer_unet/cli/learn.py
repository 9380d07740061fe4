"""The command ``resformer-unet learn``."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, fields

from resformer_unet.cli.arguments import MODEL_HELP, add_dataset, add_device, add_option, path
from resformer_unet.cli.progress import Progress, print_line
from resformer_unet.errors import EngineError, unexpected
from resformer_unet.training.setup.options import TrainOptions

SUMMARY = "train a model further on a training set, such as “collect” makes, as a new model"
PAUSED = 75  # exit code of a training whose program has closed its input
NICENESS = 5  # the program that waits for the training must stay usable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_dataset(parser)
    parser.add_argument("--init", required=True, metavar="ID|FOLDER", help=MODEL_HELP)
    parser.add_argument("--output", type=path, metavar="FOLDER", help="model folder to write")
    for entry in fields(TrainOptions):
        if entry.name in ("epochs", "batch_size", "learning_rate", "seed", "workers", "resume"):
            add_option(parser, entry)
    parser.add_argument("--estimate", action="store_true", help="only measure how long it will take, on a few steps")
    parser.add_argument("--json", action="store_true",
                        help="for programs: events as JSON lines; the end of the standard input pauses the training")  # fmt: skip
    add_device(parser, engine=False)


def run(arguments: argparse.Namespace) -> int:
    if arguments.output is None and not arguments.estimate:
        raise EngineError("BAD_OPTION", "--output is missing.", "Name the model folder to write.")
    names = ("epochs", "batch_size", "learning_rate", "seed", "workers", "resume")
    options = TrainOptions(**{name: getattr(arguments, name) for name in names})
    return _run_for_a_program(arguments, options) if arguments.json else _run_for_a_user(arguments, options)


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
        print_line(f"about {minutes} minute{'s' if minutes > 1 else ''} ({found.epochs} epochs, {found.steps} steps)", sys.stdout)
        return 0
    bundle = learn(
        arguments.dataset, arguments.output, arguments.init, options, arguments.device, progress, progress.note
    )
    progress.close()
    old, new, data = (shlex.quote(str(name)) for name in (arguments.init, bundle.folder, arguments.dataset))
    print_line(f"The model is in {bundle.folder}. Whether it is better tells:", sys.stdout)
    print_line(f"  resformer-unet compare {data} --models {old} {new}", sys.stdout)
    return 0


def _run_for_a_program(arguments: argparse.Namespace, options: TrainOptions) -> int:
    """Events ``progress``, ``note``, then one of ``estimate``, ``result``, ``error``."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout = sys.stderr  # what a library prints is no event
    lock = threading.Lock()

    def send(event: str, **content: object) -> None:
        with lock, suppress(BrokenPipeError):
            print(json.dumps({"event": event, **content}), file=output, flush=True)

    threading.Thread(target=_wait_for_the_end_of_input, daemon=True).start()
    with suppress(OSError, AttributeError):  # Windows has none
        os.nice(NICENESS)
    send("progress", task="starting", done=0, total=1)  # before the packages are imported, which takes long
    try:
        send(**_carry_out(arguments, options, send))
        return 0
    except EngineError as error:
        send("error", code=error.code, message=error.message, hint=error.hint)
    except Exception as error:
        failure = unexpected(error)
        send("error", code=failure.code, message=failure.message, hint=failure.hint)
        raise
    return 1


def _carry_out(arguments: argparse.Namespace, options: TrainOptions, send) -> dict:
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


def _wait_for_the_end_of_input() -> None:
    """The program has closed the input, or has ended: the training pauses. All of its files are written atomically."""
    with suppress(OSError, ValueError):
        while sys.stdin.buffer.readline():
            pass
    os._exit(PAUSED)
