"""The frames of sequences on the command line: ``resformer-unet predict cine.nii.gz --frames all``."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from resformer_unet.cardiac.body import BodySize
from resformer_unet.cli.arguments import add_option, chosen
from resformer_unet.cli.progress import Progress, print_line
from resformer_unet.errors import EngineError
from resformer_unet.inference.options import PredictOptions

_PHASES = ("end_diastole", "end_systole")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "sequences", "4D NIfTI, multi-frame DICOM, or DICOM series with several time points"
    )
    group.add_argument(
        "--frames", metavar="all|N|FIRST-LAST",
        help="the inputs are sequences over time: predict these frames, counted from 0, and write a 4D "
        "<case>.seg.nrrd, <case>.frames.csv and <case>.json; for a heart also its function and the patient's diagnosis",
    )  # fmt: skip
    for name in _PHASES:
        group.add_argument(f"--{name.replace('_', '-')}", type=_frame, metavar="N",
                           help="this frame of a heart instead of the one that is found")  # fmt: skip
    for entry in fields(BodySize):
        add_option(group, entry)


def check_usage(arguments: argparse.Namespace) -> None:
    """End with exit code 2 where arguments do not go together."""
    if arguments.frames:
        others = {f"--{name}": getattr(arguments, name) for name in ("patient", "resume", "cluster", "report")}
        if given := [name for name, value in others.items() if value]:
            arguments.wrong_usage(f"--frames cannot be combined with {given[0]}")
        return
    own = {f"--{name.replace('_', '-')}": getattr(arguments, name) for name in _PHASES}
    own |= {"--height": arguments.height_cm, "--weight": arguments.weight_kg}
    if given := [name for name, value in own.items() if value is not None]:
        arguments.wrong_usage(f"{given[0]} is of the heart in a sequence: give --frames too")


def run(arguments: argparse.Namespace, inputs: Sequence[Path]) -> int:
    """Predict the frames of all inputs; 1 if any input failed."""
    from resformer_unet.batch.cases import plan_cases
    from resformer_unet.inference.predictor import Predictor
    from resformer_unet.model.catalog import find_model
    from resformer_unet.sequence.prediction import SequenceOptions, predict_sequence

    choice = SequenceOptions(
        arguments.frames, arguments.end_diastole, arguments.end_systole, chosen(BodySize, arguments)
    )
    options = chosen(PredictOptions, arguments)
    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE", f"The folder {arguments.output} cannot be created: {error.strerror}.",
            "Choose another folder.",
        ) from error  # fmt: skip
    predictor = Predictor(find_model(arguments.model), arguments.device)
    progress, failed = Progress(), 0
    for case in plan_cases(inputs, arguments.output, arguments.series):
        try:
            report = predict_sequence(case, predictor, arguments.output, choice, options=options, progress=progress)
        except EngineError as error:
            progress.close()
            failed += 1
            if arguments.debug:
                traceback.print_exception(error)
            print_line(f"error: {case.input}: {error}", sys.stderr)
            continue
        progress.close()
        _print(report)
    if failed and len(inputs) > 1:
        print_line(f"{failed} of {len(inputs)} inputs failed.", sys.stderr)
    return 1 if failed else 0


def _frame(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"must be the number of a frame, counted from 0, not “{text}”")
    return int(text)


def _print(report: Mapping) -> None:
    print_line(sentence(report), sys.stdout)
    heart = report["heart"]
    if heart:
        print_line(f"  {heart_sentence(heart)}", sys.stdout)
    for warning in [*report["warnings"], *(heart["warnings"] if heart else [])]:
        print_line(f"  warning: {warning['message']}", sys.stderr)


def sentence(report: Mapping) -> str:
    """How many frames were done, and which diagnoses they have; those of a heart's single frames say nothing."""
    done = [row for row in report["frames"] if row["status"] == "done"]
    parts = [f"{report['case']}: {len(done)} of {len(report['frames'])} frames"]
    if not report["heart"]:
        parts += [f"{name} in {count}" for name, count in report["diagnosis_counts"].items()]
    if report["reasons"]:
        parts.append(f"NOT RELIABLE ({', '.join(report['reasons'])})")
    return ", ".join(parts)


def heart_sentence(heart: Mapping) -> str:
    function, diagnosis = heart["cardiac_function"], heart["diagnosis"]
    parts = [
        f"end-diastole in frame {heart['end_diastole']}, end-systole in frame {heart['end_systole']}",
        *(
            f"{name.upper()} EDV {function[f'{name}edv_ml']:.0f} ml, ESV {function[f'{name}esv_ml']:.0f} ml, "
            f"EF {100 * function[f'{name}ef']:.0f} %"
            for name in ("lv", "rv")
        ),
        f"LV mass {function['lv_mass_g']:.0f} g",
    ]
    if diagnosis:
        text = f"{diagnosis['name']} (probability {diagnosis['probability']:.2f})"
        reliable = "" if heart["reliable"] else f"NOT RELIABLE ({', '.join(heart['reasons'])}), model output "
        parts.append(reliable + text)
    return "; ".join(parts)
