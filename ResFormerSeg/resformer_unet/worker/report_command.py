"""The command ``report``: the page and the DICOM objects of a result, with the segments as they are now."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.worker.array_files import read_array
from resformer_unet.worker.protocol import CommandContext, bad_command


def write_report(command: dict, context: CommandContext) -> dict:
    """Write the files; sizes are measured anew where the segments were edited.

    Raises:
        EngineError: RESULT_OF_ANOTHER_IMAGE, and those of :func:`.write_reports`.
    """
    from resformer_unet.image.medical_image import image_from_array
    from resformer_unet.report.case import ReportCase, fits, installed_model, measured_anew
    from resformer_unet.report.write import write_reports

    context.send("status", message="Writing the report")
    report, segments, source = command["report"], command["segments"], command["image"]
    voxels = read_array(source["array"], "image.array")
    image = image_from_array(voxels, source["affine_lps"], source["name"], source.get("has_orientation", True))
    masks = _masks(command, segments, image.shape)
    if not fits(image, report, masks):
        raise EngineError(
            "RESULT_OF_ANOTHER_IMAGE",
            f"“{image.name}” has not the voxels or the place any more that it had when this result was made.",
            "Run the model on it again, then save the report.",
        )
    if command["edited"]:
        report = measured_anew(report, masks, segments)
    case = ReportCase(report, masks, image, installed_model(report), command["edited"])
    files, with_patient = [Path(file) for file in command["files"]], command.get("with_patient", False)
    context.raise_if_cancelled()
    page = None
    if command.get("page_folder"):
        (page,), _ = write_reports(
            case, ["html"], Path(command["page_folder"]), "page", files=files, with_patient=with_patient
        )
    written, notes = write_reports(
        case, command["formats"], Path(command["output"]), command["name"], files=files, with_patient=with_patient
    )
    return {"files": [str(path) for path in written], "notes": notes, "page": page and str(page)}


def _masks(command: dict, segments: list[dict], shape: tuple[int, int, int]) -> np.ndarray:
    """bool (segments, slices, rows, columns)."""
    masks = np.zeros((len(segments), *shape), bool)
    if not segments:
        return masks
    labels = read_array(command["labels"], "labels")
    if labels.ndim != 4 or labels.shape[1:] != shape:
        raise bad_command(f"labels has the shape {labels.shape}, the image {shape}")
    for mask, row in zip(masks, segments, strict=True):
        mask[...] = labels[row["layer"]] == row["value"]
    return masks
