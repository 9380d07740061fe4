"""The command ``resformer-unet predict``."""

from __future__ import annotations

import argparse
import os.path
import sys
import traceback
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.cli.arguments import add_device, add_model
from resformer_unet.cli.progress import Progress, print_line
from resformer_unet.errors import EngineError

if TYPE_CHECKING:
    from resformer_unet.batch.cases import Outcome


SUMMARY = "segment and diagnose images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="*", type=Path, metavar="INPUT",
                         help="an image file, a DICOM series folder, or a folder to be searched for such")  # fmt: skip
    parser.add_argument("--list", type=Path, metavar="FILE",
                         help="a text file with more inputs, one a line; - reads standard input")  # fmt: skip
    parser.add_argument(
        "--output", required=True, type=Path, metavar="DIR",
        help="where <case>.seg.nrrd and <case>.json are written, and summary.csv for several inputs",
    )  # fmt: skip
    parser.add_argument("--slice-axis", choices=("acquisition", "axial", "coronal", "sagittal", "stored"),
                         help="along which the slices are taken, in place of the model's choice")  # fmt: skip
    parser.add_argument("--slices", type=_slices, metavar="FIRST-LAST",
                         help="only these slices along that axis, counted from 0")  # fmt: skip
    parser.add_argument("--min-area", type=_millimetres, metavar="MM2",
                         help="drop smaller pieces of a slice, in place of the model's limit")  # fmt: skip
    parser.add_argument("--smoothing", type=_millimetres, default=0.0, metavar="MM",
                         help="smooth outlines by a Gaussian of this standard deviation")  # fmt: skip
    parser.add_argument("--probability-maps", action="store_true",
                         help="write <case>.probability.<segment>.nrrd too, in per cent")  # fmt: skip
    parser.add_argument("--series", metavar="UID", help="which series of a DICOM folder that holds several")
    parser.add_argument("--patient", metavar="NAME",
                         help="the two inputs are one patient's heart at end-diastole and end-systole: diagnose them "
                         "together and write <NAME>.patient.json")  # fmt: skip
    parser.add_argument("--resume", action="store_true",
                         help="keep results of the same input, model and options that are there already")  # fmt: skip
    parser.add_argument("--cluster", metavar="ADDRESS",
                         help="work on the machines of this Dask scheduler, such as tcp://host:8786")  # fmt: skip
    add_model(parser)
    add_device(parser)
    parser.set_defaults(wrong_usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Predict all inputs; 1 if any failed."""
    if not arguments.inputs and not arguments.list:
        arguments.wrong_usage("give at least one INPUT, or a --list")

    from resformer_unet.batch.find_inputs import find_studies, read_list
    from resformer_unet.batch.run import predict_files
    from resformer_unet.batch.summary_csv import NAME, Summary
    from resformer_unet.cardiac.patient_file import check_patient, write_patient
    from resformer_unet.inference.options import PredictOptions
    from resformer_unet.model.catalog import find_model

    given = [*arguments.inputs, *(read_list(arguments.list) if arguments.list else [])]
    inputs = find_studies(given, arguments.output)
    if arguments.patient:
        check_patient(arguments.patient, inputs, arguments.model)
    progress = Progress()
    outcomes = predict_files(
        inputs,
        arguments.model,
        arguments.output,
        device=arguments.device,
        options=PredictOptions(
            slice_axis=arguments.slice_axis,
            slices=arguments.slices,
            min_area_mm2=arguments.min_area,
            smoothing_mm=arguments.smoothing,
            probability_maps=arguments.probability_maps,
        ),
        series=arguments.series,
        progress=progress,
        note=progress.note,
        resume=arguments.resume,
        cluster=arguments.cluster,
    )
    wanted = (len(inputs) > 1 and not arguments.patient) or os.path.exists(arguments.output / NAME)
    segments = find_model(arguments.model).segments
    summary = Summary(arguments.output, inputs, arguments.series, segments) if wanted else nullcontext()
    failed, kept, reports = 0, 0, {}
    with closing(outcomes), summary:
        for outcome in outcomes:
            progress.close()
            if wanted:
                summary.add(outcome)
            failed += isinstance(outcome.result, EngineError)
            kept += outcome.kept
            if arguments.patient:
                reports[outcome.input] = outcome.result
            _print_outcome(outcome, arguments.debug)
    if kept:
        print_line(f"{kept} of {len(inputs)} results were there already and were kept.", sys.stderr)
    if failed and len(inputs) > 1:
        print_line(f"{failed} of {len(inputs)} inputs failed.", sys.stderr)
    if wanted:
        print_line(f"Summary: {summary.path}", sys.stderr)
    if arguments.patient and not failed:
        in_order = [reports[path] for path in inputs]
        diagnosis = write_patient(arguments.patient, in_order, arguments.model, arguments.output)["diagnosis"]
        print_line(f"{arguments.patient}: {diagnosis['name']} {diagnosis['probability']:.0%}", sys.stdout)
    return 1 if failed else 0


def _print_outcome(outcome: Outcome, debug: bool) -> None:
    if isinstance(outcome.result, EngineError):
        if debug:
            traceback.print_exception(outcome.result)
        print_line(f"error: {outcome.input}: {outcome.result}", sys.stderr)
        return
    if outcome.kept:
        return
    print_line(_sentence(outcome.result), sys.stdout)
    for warning in outcome.result["warnings"]:
        print_line(f"  warning: {warning['message']}", sys.stderr)


def _sentence(report: dict) -> str:
    parts = []
    if report["diagnosis"]:
        parts.append(f"{report['diagnosis']['name']} (probability {report['diagnosis']['probability']:.2f})")
    for segment in report["segments"]:
        volume = segment["volume_mm3"]
        size = f"{segment['voxels']} pixels" if volume is None else f"{volume / 1000:.2f} ml"
        parts.append(f"{segment['name'].lower()} {size}")
    return f"{report['case']}: {', '.join(parts)}"


def _slices(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()) or int(last or first) < int(first):
        raise argparse.ArgumentTypeError(f"{text} is not FIRST-LAST, such as 10-24")
    return int(first), int(last or first)


def _millimetres(text: str) -> float:
    if not 0 <= (number := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return number
