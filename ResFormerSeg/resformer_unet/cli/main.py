"""The command line ``resformer-unet``."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

from resformer_unet import NOT_FOR_CLINICAL_USE, __version__
from resformer_unet.cli import check_data, collect, compare, evaluate, export, learn, models, predict, report, train
from resformer_unet.cli.progress import print_line
from resformer_unet.errors import EngineError, unexpected

COMMANDS = {
    "predict": predict,
    "report": report,
    "evaluate": evaluate,
    "check-data": check_data,
    "train": train,
    "collect": collect,
    "learn": learn,
    "compare": compare,
    "models": models,
    "export": export,
}

EPILOG = f"""examples:
  resformer-unet models
  resformer-unet predict head.nrrd --model brain-tumor-mr --output results
  resformer-unet predict studies --model brain-tumor-mr --output results --resume
  resformer-unet report results/head.json --format html,dicom
  resformer-unet evaluate DATASET --model skin-lesion --split test --output report.json
  resformer-unet check-data DATASET
  resformer-unet train DATASET --recipe skin-lesion --output my-skin-model
  resformer-unet collect my-set --image scan.nrrd --mask scan.seg.nrrd --label glioma --patient 17
  resformer-unet learn my-set --init brain-tumor-mr --output my-brain-model
  resformer-unet compare my-set --models brain-tumor-mr my-brain-model
  torchrun --nproc-per-node 4 -m resformer_unet train DATASET --output my-skin-model

exit codes: 0 success, 1 failure (the reason is on stderr), 2 wrong usage, 130 interrupted

{NOT_FOR_CLINICAL_USE}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    sys.stdout, sys.stderr = _stream(sys.stdout), _stream(sys.stderr)
    parsed = build_parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except KeyboardInterrupt:
        print_line("Interrupted.", sys.stderr)
        return 130
    except Exception as error:
        if parsed.debug:
            traceback.print_exc()
        print_line(f"error: {_message(error)}", sys.stderr)
        return 1


def _stream(stream: TextIO | None) -> TextIO:
    """A stream that can be written to: services and windowed programs have none, and terminals lack characters."""
    if stream is None:
        stream = open(os.devnull, "w", encoding="utf-8")
    stream.reconfigure(errors="backslashreplace")  # a name that cannot be shown must not end the work
    return stream


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="resformer-unet",
        description="Segment lesions or organs in medical images and give a diagnosis, with a ResFormer-UNet.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        description = f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}."
        command = commands.add_parser(name, help=module.SUMMARY, description=description, epilog=NOT_FOR_CLINICAL_USE)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    return parser


def _message(error: Exception) -> str:
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return f"The package {error.name} is not installed. Get it with: pip install 'resformer-unet[train]'"
    return str(unexpected(error))
