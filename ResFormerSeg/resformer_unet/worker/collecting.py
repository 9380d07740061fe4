"""The command ``collect``: a case for a training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.worker.array_files import read_array
from resformer_unet.worker.protocol import CommandContext, bad_command


def collect(command: dict, context: CommandContext) -> dict:
    """Add the image with its segments and label to the training set; nothing is written after a cancel."""
    from resformer_unet.image.medical_image import image_from_array
    from resformer_unet.training_set.adding import add_case

    context.send("status", message="Adding to the training set")
    source = command["image"]
    voxels = read_array(source["array"], "image.array")
    image = image_from_array(
        np.asarray(voxels), source["affine_lps"], source["name"], source.get("has_orientation", True)
    )
    mask = None
    if command.get("labels"):
        mask = _label_map(read_array(command["labels"], "labels"), command.get("segments", []))
    context.raise_if_cancelled()
    case = add_case(
        command["folder"],
        image,
        mask,
        label=command["label"],
        patient=command["patient"],
        split=command.get("split"),
        by=command.get("by", ""),
    )
    return {"case": asdict(case), "empty": mask is not None and not mask.any()}


def _label_map(layers: np.ndarray, segments: Sequence[dict]) -> np.ndarray:
    """One label image (slices, rows, columns) of layers of segments.

    Raises:
        EngineError: SEGMENTS_OVERLAP, as a label image has one value a voxel; BAD_COMMAND.
    """
    if layers.ndim != 4:
        raise bad_command(f"labels has the shape {layers.shape}, not (layers, slices, rows, columns)")
    mask = np.zeros(layers.shape[1:], np.uint8)
    for segment in segments:
        if segment["layer"] >= len(layers) or not 0 < segment["stored_value"] < 256:
            raise bad_command(f"the segment {segment['name']} has no such layer or value")
        inside = layers[segment["layer"]] == segment["value"]
        if count := int(np.count_nonzero(mask[inside])):
            raise EngineError(
                "SEGMENTS_OVERLAP",
                f"The segment {segment['name']} overlaps another one in {count} voxels.",
                "Give these voxels to one of them: in the Segment Editor, under Masking, do not allow overlap.",
            )
        mask[inside] = segment["stored_value"]
    return mask
