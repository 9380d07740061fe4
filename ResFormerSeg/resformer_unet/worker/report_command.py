"""The commands ``report`` and ``patient_report``: page and DICOM objects of a result, or of a patient's both phases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.worker.array_files import read_array
from resformer_unet.worker.protocol import CommandContext, bad_command

if TYPE_CHECKING:
    from resformer_unet.report.case import ReportCase


def write_report(command: dict, context: CommandContext) -> dict:
    """Write the files of a result, with the segments as they are now.

    Raises:
        EngineError: RESULT_OF_ANOTHER_IMAGE, and those of :func:`.write_reports`.
    """
    from resformer_unet.report.write import write_reports

    context.send("status", message="Writing the report")
    case = _case(command)
    context.raise_if_cancelled()
    files = [Path(file) for file in command["files"]]
    return _write(command, lambda *place: write_reports(case, *place, files=files, with_patient=_named(command)))


def write_patient_report(command: dict, context: CommandContext) -> dict:
    """Write the files of a patient, with the segments of both phases as they are now.

    Raises:
        EngineError: RESULT_OF_ANOTHER_IMAGE, PATIENT_MISMATCH, and those of :func:`.write_patient_reports`.
    """
    from resformer_unet.report.patient_case import make_patient_case
    from resformer_unet.report.write import write_patient_reports

    context.send("status", message="Writing the report")
    parts = sorted(command["phases"], key=lambda part: _place(part, command["patient"]["cases"]))
    case = make_patient_case(command["patient"], [_case(part) for part in parts])
    context.raise_if_cancelled()
    files = [[Path(file) for file in part["files"]] for part in parts]
    return _write(
        command, lambda *place: write_patient_reports(case, *place, files=files, with_patient=_named(command))
    )


def _place(part: dict, cases: list[str]) -> int:
    """Of a phase in the patient's; whether it is one of them at all is checked with the case."""
    return cases.index(part["report"]["case"]) if part["report"]["case"] in cases else len(cases)


def _named(command: dict) -> bool:
    return command.get("with_patient", False)


def _write(command: dict, write: Callable[..., tuple[list[Path], list[dict[str, str]]]]) -> dict:
    """``write`` takes formats, folder and name."""
    page = None
    if command.get("page_folder"):
        (page,), _ = write(["html"], Path(command["page_folder"]), "page")
    written, notes = write(command["formats"], Path(command["output"]), command["name"])
    return {"files": [str(path) for path in written], "notes": notes, "page": page and str(page)}


def _case(part: dict) -> ReportCase:
    """Of a result with its image and its segments; sizes are measured anew where these were edited."""
    from resformer_unet.image.medical_image import image_from_array
    from resformer_unet.report.case import ReportCase, fits, installed_model, measured_anew

    report, segments, source = part["report"], part["segments"], part["image"]
    voxels = read_array(source["array"], "image.array")
    image = image_from_array(voxels, source["affine_lps"], source["name"], source.get("has_orientation", True))
    masks = _masks(part, segments, image.shape)
    if not fits(image, report, masks):
        raise EngineError(
            "RESULT_OF_ANOTHER_IMAGE",
            f"“{image.name}” has not the voxels or the place any more that it had when this result was made.",
            "Run the model on it again, then save the report.",
        )
    if part["edited"]:
        report = measured_anew(report, masks, segments)
    return ReportCase(report, masks, image, installed_model(report), part["edited"])


def _masks(part: dict, segments: list[dict], shape: tuple[int, int, int]) -> np.ndarray:
    """bool (segments, slices, rows, columns)."""
    masks = np.zeros((len(segments), *shape), bool)
    if not segments:
        return masks
    labels = read_array(part["labels"], "labels")
    if labels.ndim != 4 or labels.shape[1:] != shape:
        raise bad_command(f"labels has the shape {labels.shape}, the image {shape}")
    for mask, row in zip(masks, segments, strict=True):
        mask[...] = labels[row["layer"]] == row["value"]
    return masks
