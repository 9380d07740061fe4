"""The command ``resformer-unet predict``."""

from __future__ import annotations

import argparse
import os.path
import sys
import traceback
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.cli.progress import Progress, tell
from resformer_unet.errors import EngineError

if TYPE_CHECKING:
    from resformer_unet.batch.cases import Outcome


def add_arguments(command: argparse.ArgumentParser) -> None:
    """All but the model and the device, which other commands have too."""
    command.add_argument("inputs", nargs="*", type=Path, metavar="INPUT",
                         help="an image file, a DICOM series folder, or a folder to be searched for such")  # fmt: skip
    command.add_argument("--list", type=Path, metavar="FILE",
                         help="a text file with more inputs, one a line; - reads standard input")  # fmt: skip
    command.add_argument(
        "--output", required=True, type=Path, metavar="DIR",
        help="where <case>.seg.nrrd and <case>.json are written, and summary.csv for several inputs",
    )  # fmt: skip
    command.add_argument("--slice-axis", choices=("acquisition", "axial", "coronal", "sagittal", "stored"),
                         help="along which the slices are taken, in place of the model's choice")  # fmt: skip
    command.add_argument("--slices", type=_slices, metavar="FIRST-LAST",
                         help="only these slices along that axis, counted from 0")  # fmt: skip
    command.add_argument("--min-area", type=_millimetres, metavar="MM2",
                         help="drop smaller pieces of a slice, in place of the model's limit")  # fmt: skip
    command.add_argument("--smoothing", type=_millimetres, default=0.0, metavar="MM",
                         help="smooth outlines by a Gaussian of this standard deviation")  # fmt: skip
    command.add_argument("--probability-maps", action="store_true",
                         help="write <case>.probability.<segment>.nrrd too, in per cent")  # fmt: skip
    command.add_argument("--series", metavar="UID", help="which series of a DICOM folder that holds several")
    command.add_argument("--patient", metavar="NAME",
                         help="the two inputs are one patient's heart at end-diastole and end-systole: diagnose them "
                         "together and write <NAME>.patient.json")  # fmt: skip
    command.add_argument("--resume", action="store_true",
                         help="keep results of the same input, model and options that are there already")  # fmt: skip
    command.add_argument("--cluster", metavar="ADDRESS",
                         help="work on the machines of this Dask scheduler, such as tcp://host:8786")  # fmt: skip
    command.set_defaults(wrong_usage=command.error)


def run_predict(options: argparse.Namespace) -> int:
    """Predict all inputs; 1 if any failed."""
    if not options.inputs and not options.list:
        options.wrong_usage("give at least one INPUT, or a --list")

    from resformer_unet.batch.find_inputs import find_studies, read_list
    from resformer_unet.batch.run import predict_files
    from resformer_unet.batch.summary_csv import NAME, Summary
    from resformer_unet.cardiac.patient_diagnosis import check_patient, write_patient
    from resformer_unet.inference.options import PredictOptions
    from resformer_unet.model.catalog import find_model

    given = [*options.inputs, *(read_list(options.list) if options.list else [])]
    inputs = find_studies(given, options.output)
    if options.patient:
        check_patient(options.patient, inputs, options.model)
    progress = Progress()
    outcomes = predict_files(
        inputs,
        options.model,
        options.output,
        device=options.device,
        options=PredictOptions(
            slice_axis=options.slice_axis,
            slices=options.slices,
            min_area_mm2=options.min_area,
            smoothing_mm=options.smoothing,
            probability_maps=options.probability_maps,
        ),
        series=options.series,
        progress=progress,
        note=progress.note,
        resume=options.resume,
        cluster=options.cluster,
    )
    wanted = (len(inputs) > 1 and not options.patient) or os.path.exists(options.output / NAME)
    segments = find_model(options.model).segments
    summary = Summary(options.output, inputs, options.series, segments) if wanted else nullcontext()
    failed, kept, reports = 0, 0, {}
    with closing(outcomes), summary:
        for outcome in outcomes:
            progress.close()
            if wanted:
                summary.add(outcome)
            failed += isinstance(outcome.result, EngineError)
            kept += outcome.kept
            if options.patient:
                reports[outcome.input] = outcome.result
            _tell(outcome, options.debug)
    if kept:
        tell(f"{kept} of {len(inputs)} results were there already and were kept.", sys.stderr)
    if failed and len(inputs) > 1:
        tell(f"{failed} of {len(inputs)} inputs failed.", sys.stderr)
    if wanted:
        tell(f"Summary: {summary.path}", sys.stderr)
    if options.patient and not failed:
        in_order = [reports[path] for path in inputs]
        diagnosis = write_patient(options.patient, in_order, options.model, options.output)["diagnosis"]
        tell(f"{options.patient}: {diagnosis['name']} {diagnosis['probability']:.0%}", sys.stdout)
    return 1 if failed else 0


def _tell(outcome: Outcome, debug: bool) -> None:
    if isinstance(outcome.result, EngineError):
        if debug:
            traceback.print_exception(outcome.result)
        tell(f"error: {outcome.input}: {outcome.result}", sys.stderr)
        return
    if outcome.kept:
        return
    tell(_sentence(outcome.result), sys.stdout)
    for warning in outcome.result["warnings"]:
        tell(f"  warning: {warning['message']}", sys.stderr)


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
