"""The command ``resformer-unet predict``."""

from __future__ import annotations

import argparse
import os.path
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.cli import predict_frames
from resformer_unet.cli.arguments import add_device, add_model, add_options, chosen, path
from resformer_unet.cli.progress import Progress, print_line
from resformer_unet.cli.report import add_formats, check_chosen, write_reports_of
from resformer_unet.errors import EngineError
from resformer_unet.inference.options import PredictOptions

if TYPE_CHECKING:
    from resformer_unet.batch.cases import Outcome

SUMMARY = "segment and diagnose images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs", nargs="*", type=path, metavar="INPUT",
        help="an image file, a DICOM series folder, or a folder that is searched for both",
    )  # fmt: skip
    parser.add_argument("--list", type=path, metavar="FILE",
                        help="a text file with more inputs, one a line; - reads standard input")  # fmt: skip
    parser.add_argument(
        "--output", required=True, type=path, metavar="DIR",
        help="folder for <case>.seg.nrrd, <case>.json and, if chosen, <case>.probability.<segment>.nrrd; and "
        "summary.csv for several inputs",
    )  # fmt: skip
    add_options(parser, PredictOptions)
    parser.add_argument("--series", metavar="UID", help="series of a DICOM folder that holds several")
    parser.add_argument(
        "--patient", metavar="NAME",
        help="the two inputs are one patient's heart at end-diastole and end-systole: diagnose them together and "
        "write <NAME>.patient.json",
    )  # fmt: skip
    add_formats(parser, "--report")
    predict_frames.add_arguments(parser)
    parser.add_argument("--resume", action="store_true",
                        help="keep existing results of the same input, model and options")  # fmt: skip
    parser.add_argument("--cluster", metavar="ADDRESS",
                        help="predict on the workers of this Dask scheduler, such as tcp://host:8786")  # fmt: skip
    add_model(parser)
    add_device(parser)
    parser.set_defaults(wrong_usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Predict all inputs; 1 if any failed."""
    if not arguments.inputs and not arguments.list:
        arguments.wrong_usage("give at least one INPUT, or a --list")
    predict_frames.check_usage(arguments)

    from resformer_unet.batch.find_inputs import find_studies, read_list
    from resformer_unet.batch.summary_csv import NAME, Summary
    from resformer_unet.cardiac.patient_diagnosis import check_patient, write_patient
    from resformer_unet.model.catalog import find_model

    check_chosen(arguments.report)
    given = [*arguments.inputs, *(read_list(arguments.list) if arguments.list else [])]
    inputs = find_studies(given, arguments.output)
    if arguments.frames:
        return predict_frames.run(arguments, inputs)
    if arguments.patient:
        check_patient(arguments.patient, inputs, arguments.model)
    progress = Progress()
    outcomes = _outcomes(inputs, arguments, progress)
    has_summary = (len(inputs) > 1 and not arguments.patient) or os.path.exists(arguments.output / NAME)
    segments = find_model(arguments.model).segments
    summary = Summary(arguments.output, inputs, arguments.series, segments) if has_summary else nullcontext()
    failed, kept, unreported, reports = 0, 0, 0, {}
    with closing(outcomes), summary:
        for outcome in outcomes:
            progress.close()
            if has_summary:
                summary.add(outcome)
            failed += isinstance(outcome.result, EngineError)
            kept += outcome.kept
            if arguments.patient:
                reports[outcome.input] = outcome.result
            _print_outcome(outcome, arguments.debug)
            if arguments.report and not arguments.patient and not isinstance(outcome.result, EngineError):
                unreported += not write_reports_of(arguments.output / f"{outcome.case}.json", arguments.report)
    if kept:
        print_line(f"{kept} of {len(inputs)} results existed already and were kept.", sys.stderr)
    if failed and len(inputs) > 1:
        print_line(f"{failed} of {len(inputs)} inputs failed.", sys.stderr)
    if unreported and len(inputs) > 1:
        print_line(f"{unreported} of {len(inputs)} inputs lack a report that was asked for.", sys.stderr)
    if has_summary:
        print_line(f"Summary: {summary.path}", sys.stderr)
    if arguments.patient and not failed:
        in_order = [reports[path] for path in inputs]
        patient = write_patient(arguments.patient, in_order, arguments.model, arguments.output)
        print_line(f"{arguments.patient}: {_diagnosis(patient)}", sys.stdout)
        _print_remarks(patient)
        if arguments.report:
            failed += not write_reports_of(arguments.output / f"{arguments.patient}.patient.json", arguments.report)
    return 1 if failed or unreported else 0


def _outcomes(inputs: Sequence[Path], arguments: argparse.Namespace, progress: Progress) -> Iterator[Outcome]:
    """Of this machine, or of a cluster."""
    from resformer_unet.batch.cluster.client import predict_files_on_cluster
    from resformer_unet.batch.run import predict_files

    settings = {
        "device": arguments.device,
        "options": chosen(PredictOptions, arguments),
        "series": arguments.series,
        "progress": progress,
        "resume": arguments.resume,
    }
    if arguments.cluster:
        return predict_files_on_cluster(
            arguments.cluster, inputs, arguments.model, arguments.output, note=progress.note, **settings
        )
    return predict_files(inputs, arguments.model, arguments.output, **settings)


def _print_outcome(outcome: Outcome, debug: bool) -> None:
    if isinstance(outcome.result, EngineError):
        if debug:
            traceback.print_exception(outcome.result)
        print_line(f"error: {outcome.input}: {outcome.result}", sys.stderr)
        return
    if outcome.kept:
        return
    print_line(_sentence(outcome.result), sys.stdout)
    _print_remarks(outcome.result)


def _print_remarks(result: Mapping) -> None:
    """result: a report, or a patient's diagnosis."""
    for alert in (result["diagnosis"] or {}).get("alerts", []):
        print_line(f"  alert: {alert['text']}", sys.stdout)  # part of the result
    for warning in result["warnings"]:
        print_line(f"  warning: {warning['message']}", sys.stderr)


def _sentence(report: Mapping) -> str:
    parts = [_diagnosis(report)]
    for segment in report["segments"]:
        volume = segment["volume_mm3"]
        size = f"{segment['voxels']} pixels" if volume is None else f"{volume / 1000:.2f} ml"
        parts.append(f"{segment['name'].lower()} {size}")
    return f"{report['case']}: {', '.join(filter(None, parts))}"


def _diagnosis(result: Mapping) -> str:
    """In a result that is not reliable, it must not look like one."""
    from resformer_unet.inference.reliability import reasons_of

    diagnosis, reasons = result["diagnosis"], reasons_of(result)
    text = diagnosis and f"{diagnosis['name']} (probability {diagnosis['probability']:.2f})"
    if not reasons:
        return text or ""
    not_reliable = f"NOT RELIABLE ({', '.join(reasons)})"
    return f"{not_reliable}, model output {text}" if text else not_reliable
