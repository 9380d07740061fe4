"""Draft descriptor for a data set without a recipe, derived from its images, masks and labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np

from resformer_unet.data.dataset import Case, read_case_image, read_mask_on_grid
from resformer_unet.data.masks import names_by_value, own_segments
from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage

COLOURS = ([230, 70, 60], [60, 160, 230], [90, 190, 90], [240, 180, 50], [170, 90, 200], [80, 200, 200])
STRUCTURE = {
    "category": {"scheme": "SCT", "value": "49755003", "meaning": "Morphologically Altered Structure"},
    "type": {"scheme": "SCT", "value": "52988006", "meaning": "Lesion"},
}


def draft_descriptor(
    name: str,
    cases: Sequence[Case],
    size: tuple[int, int],
    values: Set[int] | None = None,
    segment_names: Mapping[int, str] | None = None,
) -> dict:
    """Descriptor with what the data tell; titles, codes and intended use are for the user to fill in.

    Args:
        name: of the model.
        cases: of the training split.
        size: (height, width) of the network's input.
        values: of the cases' masks without 0, if known; otherwise all masks are read.
        segment_names: that these masks give to values, if ``values`` are known.

    Raises:
        EngineError: DATASET_INVALID without a non-empty mask and without two labels.
    """
    images = [read_case_image(case) for case in cases[:: max(1, len(cases) // 20)]]
    channels = max(image.voxels.shape[-1] for image in images)
    channels = 3 if channels == 4 else channels  # the fourth channel of a picture is transparency
    if values is None:
        masks = [(case.id, read_mask_on_grid(case, read_case_image(case))) for case in cases if case.mask]
        stored = [own_segments(*mask) for mask in masks]
        values = set().union(*(np.unique(labels).tolist() for labels, _ in stored)) - {0}
        segment_names = names_by_value(segments for _, segments in stored)
    labels = sorted({case.label for case in cases if case.label})
    if not values and len(labels) < 2:
        raise nothing_to_learn()
    exclusive = len(values) > 1
    titles = {value: title for value, title in (segment_names or {}).items() if exclusive and value in values}
    names = _segment_ids(values, titles) if exclusive else dict.fromkeys(values, "lesion")
    segments = [
        {
            "id": names[value],
            "name": titles.get(value) or names[value].replace("_", " ").capitalize(),
            "value": value if exclusive else 1,
            "color": COLOURS[index % len(COLOURS)],
            "terminology": STRUCTURE,
        }
        for index, value in enumerate(sorted(values))
    ]
    eight_bit = channels > 1 and all(image.voxels.dtype == np.uint8 for image in images)
    intensity = {
        "method": "fixed" if eight_bit else "percentile",
        "lower": 0 if eight_bit else 0.5,
        "upper": 255 if eight_bit else 99.5,
        "scope": "image",
        "ignore": None,
        "mean": [0.498] * channels,  # (x - 127) / 128 of 0 to 255, as in the pretraining of the encoder
        "std": [0.502] * channels,
    }
    weighted = bool(segments) and not exclusive
    return {
        "schema_version": 1,
        "id": name,
        "version": "1.0.0",
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "description": "Trained from a folder of images; not described yet.",
        "modality": "OT",
        "kind": _kind(images),
        "input": {
            "channels": channels,
            "size": list(size),
            "slice_axis": "acquisition",
            "orientation": {"volume": "stored", "picture": "stored"},
            "intensity": intensity,
        },
        "segmentation": {
            "exclusive": exclusive,
            "threshold": 0.5,
            "min_area_mm2": 0,
            "min_area_fraction": 0,
            "fill_holes": False,
            "keep_largest": "none",
            "min_slices": 1,
            "segments": segments,
        }
        if segments
        else None,
        "diagnosis": {
            "classes": [{"id": label, "name": label.replace("_", " "), "code": None} for label in labels],
            "rule": "lesion_area_weighted_mean" if weighted else "mean",
            "rule_text": "Mean of the slices' probabilities"
            + (", weighted by the segmented area of each slice." if weighted else "."),
        }
        if len(labels) > 1
        else None,
        "training": {
            "data": [
                {"name": name, "cases": len(cases), "licence": "not stated", "citation": "not stated"},
            ]
        },
        "intended_use": "Research and teaching. Not a medical device.",
        "limits": ["The limits have not been described yet."],
        "licence": "not stated",
    }


def _kind(images: Iterable[MedicalImage]) -> str:
    volumes = {image.shape[0] > 1 for image in images}
    return "both" if len(volumes) > 1 else "volume" if True in volumes else "2d"


def _segment_ids(values: Set[int], titles: Mapping[int, str]) -> dict[int, str]:
    """Ids, which are parts of file names too; of the names that masks give where these differ in letters and digits."""
    ids = {value: re.sub("[^a-z0-9]+", "_", titles.get(value, "").lower()).strip("_") for value in values}
    return {
        value: name if name and list(ids.values()).count(name) == 1 else f"segment_{value}"
        for value, name in ids.items()
    }


def nothing_to_learn() -> EngineError:
    """Error for a data set with neither a non-empty mask nor two labels."""
    return EngineError(
        "DATASET_INVALID",
        "There is nothing to learn: all masks are empty, and there are fewer than two labels.",
        "Fill masks/ or the label column of labels.csv.",
    )
