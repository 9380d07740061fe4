"""The command ``resformer-unet report``: reports of results that were predicted before."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.cli.arguments import path
from resformer_unet.cli.progress import print_line
from resformer_unet.errors import EngineError

if TYPE_CHECKING:
    from resformer_unet.report.saved_case import SavedCase
    from resformer_unet.report.saved_patient import SavedPatient

SUMMARY = "make an HTML page or DICOM objects of results"


def add_formats(parser: argparse.ArgumentParser, name: str, default: list[str] | None = None) -> None:
    parser.add_argument(
        name, default=default or [], type=_formats, metavar="FORMATS",
        help="html (<case>.report.html, a page to print), dicom (<case>.seg.dcm and <case>.sr.dcm), or html,dicom",
    )  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", nargs="+", type=path, metavar="RESULT",
                        help="a <case>.json of “resformer-unet predict”, its segmentation beside it; or a "
                        "<name>.patient.json, the results of both phases beside it")  # fmt: skip
    add_formats(parser, "--format", ["html"])
    parser.add_argument("--source", type=path, metavar="PATH",
                        help="the image of the result, if it is not where it was; of a patient the folder with both "
                        "images")  # fmt: skip
    parser.add_argument("--output", type=path, metavar="DIR", help="folder to write to (default: that of the result)")
    parser.add_argument("--with-patient", action="store_true",
                        help="name patient and image on the page; otherwise it names neither")  # fmt: skip
    parser.set_defaults(wrong_usage=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Make the reports of all results; 1 if any failed."""
    if arguments.source and len(arguments.results) > 1:
        arguments.wrong_usage("--source belongs to one RESULT")
    check_chosen(arguments.format)
    made = [
        write_reports_of(result, arguments.format, arguments.source, arguments.output, arguments.with_patient)
        for result in arguments.results
    ]
    return 0 if all(made) else 1


def check_chosen(formats: Sequence[str]) -> None:
    """Raises ``EngineError`` where a package of the formats is missing, before any work is done."""
    if formats:
        from resformer_unet.report.write import check_formats

        check_formats(formats)


def write_reports_of(
    result: Path,
    formats: Sequence[str],
    source: Path | None = None,
    output: Path | None = None,
    with_patient: bool = False,
) -> bool:
    """Write the reports of one result and say so; False, and the reason on stderr, if any could not be made.

    The formats do not wait for each other: an image that is not DICOM has its page nevertheless.

    Args:
        result: a case's JSON report, or a patient's file.
        source: of a case its image, of a patient the folder with both images.
    """
    from resformer_unet.report.saved_case import read_saved_case
    from resformer_unet.report.saved_patient import is_patient, read_saved_patient

    try:
        saved = (read_saved_patient if is_patient(result) else read_saved_case)(result, source)
    except EngineError as error:
        print_line(f"error: {result}: {error}", sys.stderr)
        return False
    place = (output or result.parent, result.name.removesuffix(".json"))
    made = [_write(saved, name, *place, with_patient, result) for name in formats]
    return all(made)


def _write(
    saved: SavedCase | SavedPatient, name: str, folder: Path, case: str, with_patient: bool, result: Path
) -> bool:
    from resformer_unet.report.source_images import files_of
    from resformer_unet.report.write import write_patient_reports, write_reports

    parts = getattr(saved, "phases", (saved,))
    problems = [part.problem for part in parts if part.problem]
    try:
        if name == "dicom" and problems:
            raise problems[0]
        files = [
            files_of(part.source) if name == "dicom" or (with_patient and part.case.image) else [] for part in parts
        ]
        series = [part.series for part in parts]
        if len(parts) > 1:
            written, notes = write_patient_reports(
                saved.case, [name], folder, case, files=files, series=series, with_patient=with_patient
            )
        else:
            written, notes = write_reports(
                saved.case, [name], folder, case, files=files[0], series=series[0], with_patient=with_patient
            )
    except EngineError as error:
        print_line(f"error: {result}: {error}", sys.stderr)
        return False
    for problem in problems:
        print_line(f"  warning: {problem.message} The page does not show the image.", sys.stderr)
    for note in (*(note for part in parts for note in part.case.notes), *notes):
        print_line(f"  warning: {note['message']}", sys.stderr)
    print_line(f"Report: {', '.join(map(str, written))}", sys.stdout)
    return True


def _formats(text: str) -> list[str]:
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in ("html", "dicom")]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"must be html, dicom or html,dicom, not “{text}”")
    return list(dict.fromkeys(names))
