"""Chooses the example cases of a report card and draws them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from skimage.segmentation import find_boundaries
from skimage.transform import resize

from resformer_unet.data.dataset import Case, read_case_image, read_case_segments
from resformer_unet.errors import EngineError
from resformer_unet.evaluation.metrics import mean
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.inference.predictor import Predictor
from resformer_unet.preprocessing.slice_layout import choose_layout

EACH = 3  # cases of each kind
LONGER_SIDE = 280  # pixels of a picture
UPSCALED = 4  # largest magnification of a small image


@dataclass(frozen=True)
class Example:
    """A case to be shown.

    Attributes:
        kind: why it is shown.
        row: of the evaluation's ``per_case``.
        score: mean Dice over its segments, or without any the probability of its true label.
        picture: JPEG with the reference's contours on the left and the model's on the right.
    """

    kind: str
    row: Mapping
    score: float | None
    picture: bytes


def choose_examples(rows: Sequence[Mapping]) -> list[tuple[str, Mapping, float | None]]:
    """(kind, row, score) of the best, median and worst cases, without any twice, and of some false positives."""
    scored = sorted(((score, index) for index, row in enumerate(rows) if (score := _score(row)) is not None))[::-1]
    each = min(EACH, max(1, len(scored) // 3))
    middle = max(0, (len(scored) - each) // 2)
    places = {
        "best": range(each),
        "worst": range(max(0, len(scored) - each), len(scored)),
        "median": range(middle, middle + each),
    }
    chosen, taken = [], set()
    for kind, wanted in places.items():
        for place in wanted:
            if place < len(scored) and place not in taken:
                taken.add(place)
                score, index = scored[place]
                chosen.append((kind, rows[index], score))
    false_positives = [row for row in rows if row["false_positive"]]
    return chosen + [("false positive", row, None) for row in false_positives[:EACH]]


def draw_examples(
    rows: Sequence[Mapping],
    cases: Sequence[Case],
    predictor: Predictor,
    progress: Callable[[int, int], None] | None = None,
) -> list[Example]:
    """The chosen cases with their pictures; the model is run on them once more.

    A case whose files can no longer be read is left out.
    """
    by_id = {case.id: case for case in cases}
    chosen = choose_examples(rows)
    examples = []
    for done, (kind, row, score) in enumerate(chosen, start=1):
        try:
            picture = _picture(by_id[row["case"]], predictor)
        except EngineError:
            continue
        examples.append(Example(kind, row, score, picture))
        if progress:
            progress(done, len(chosen))
    return examples


def _score(row: Mapping) -> float | None:
    if row["dice"]:
        return mean(row["dice"].values())
    if row["false_positive"] is None and row["diagnosis"]:
        return row["diagnosis"]["probabilities"].get(row["label"])
    return None


def _picture(case: Case, predictor: Predictor) -> bytes:
    image, segments = read_case_image(case), predictor.bundle.segments
    prediction = predictor.predict(image)
    predicted = np.array([(prediction.layers == segment["value"]).any(0) for segment in segments], bool)
    reference = np.zeros_like(predicted)
    if case.mask and segments:
        reference = read_case_segments(case, image, segments)
    return _side_by_side(image, reference, predicted, predictor)


def _side_by_side(image: MedicalImage, reference: np.ndarray, predicted: np.ndarray, predictor: Predictor) -> bytes:
    """The slice with the largest reference (without one, the largest prediction), in the model's orientation.

    Args:
        reference, predicted: bool (segments, slices, rows, columns).
    """
    model_input = predictor.bundle.descriptor["input"]
    layout = choose_layout(image, model_input["slice_axis"], model_input["orientation"])
    stacks = [[layout.stack(mask) for mask in masks] for masks in (reference, predicted)]
    voxels = layout.stack(image.voxels)
    areas = [sum((stack.sum((1, 2)) for stack in masks), np.zeros(len(voxels))) for masks in stacks]
    shown = next((int(area.argmax()) for area in areas if area.any()), len(voxels) // 2)
    grey = _eight_bit(voxels[shown])
    row_mm, column_mm, _ = layout.spacing(image)
    height, width = grey.shape[0] * row_mm, grey.shape[1] * column_mm
    scale = min(LONGER_SIDE / max(height, width), UPSCALED * max(grey.shape[:2]) / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    panels = [_resized(grey, size) for _ in stacks]
    for panel, masks in zip(panels, stacks, strict=True):
        for mask, segment in zip(masks, predictor.bundle.segments, strict=True):
            contour = find_boundaries(_resized(mask[shown].astype(float), size) >= 0.5, mode="thick")
            panel[contour] = np.array(segment["color"]) / 255
    gap = np.ones((size[0], 6, 3))
    return _jpeg(np.concatenate([panels[0], gap, panels[1]], axis=1))


def _eight_bit(pixels: np.ndarray) -> np.ndarray:
    """(rows, columns, channels) as red, green and blue from 0 to 1; other than 8-bit pictures by their percentiles."""
    colours = pixels[..., :3] if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    low, high = (0, 255) if pixels.dtype == np.uint8 else np.percentile(colours, (0.5, 99.5))
    return ((colours.astype(np.float64) - low) / max(high - low, 1e-9)).clip(0, 1)


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return resize(pixels, (*size, *pixels.shape[2:]), order=1, anti_aliasing=True)


def _jpeg(pixels: np.ndarray) -> bytes:
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, pixels.clip(0, 1), format="jpeg", pil_kwargs={"quality": 88, "subsampling": 0})
    return buffer.getvalue()
