"""From a medical image to the network's input, the same for training, evaluation and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage, check_image, convert_channels
from resformer_unet.preprocessing.intensity import image_limits, intensity_range_warning, scale_slices
from resformer_unet.preprocessing.letterbox import Letterbox
from resformer_unet.preprocessing.slice_layout import SliceLayout, choose_layout

SMALLEST_SLICE = 8  # pixels in rows and columns


@dataclass(frozen=True)
class PreparedImage:
    """An image as a stack of slices in the network's orientation; slices are resized and scaled only on request.

    Attributes:
        stack: view of the image, (slices, rows, columns, channels).
        limits: intensities that are scaled to 0 and 1 before standardisation.
        first: index of the stack's first slice along the slice axis.
    """

    image: MedicalImage
    layout: SliceLayout
    stack: np.ndarray
    letterbox: Letterbox
    intensity: Mapping
    limits: tuple[float, float]
    warnings: list[dict] = field(default_factory=list)
    first: int = 0

    @property
    def slices(self) -> slice:
        """Position of the stack along the slice axis."""
        return slice(self.first, self.first + len(self.stack))

    def only(self, chosen: range) -> PreparedImage:
        """Some of the slices, with the intensity limits of the whole image."""
        return replace(self, stack=self.stack[chosen.start : chosen.stop], first=chosen.start)

    def __len__(self) -> int:
        return len(self.stack)

    def batch(self, first: int, last: int) -> np.ndarray:
        """Slices ``first`` to ``last - 1`` as float32 (n, channels, height, width) of the model's input size."""
        slices = self.letterbox.shrink(self.stack[first:last])
        return self.letterbox.forward(scale_slices(slices, self.intensity, self.limits))


def prepare_image(image: MedicalImage, model_input: Mapping, slice_axis: str | None = None) -> PreparedImage:
    """Check an image and choose its slices for a model.

    Args:
        image: any image that :func:`.read_image` gives.
        model_input: ``input`` of the model descriptor.
        slice_axis: the user's choice instead of the descriptor's.

    Raises:
        EngineError: IMAGE_TOO_SMALL, CONSTANT_IMAGE, NO_FINITE_VALUES, TOO_MANY_COMPONENTS, SLICE_AXIS_UNKNOWN.
    """
    warnings = [*image.warnings, *check_image(image)]
    image, notes = convert_channels(image, model_input["channels"])
    layout = choose_layout(image, model_input["slice_axis"], model_input["orientation"], slice_axis)
    if slice_axis in ("axial", "coronal", "sagittal") and layout.plane == "picture":
        message = "The orientation of the image in the patient is unknown; the slices were used as stored."
        notes = [*notes, {"code": "SLICE_AXIS_IGNORED", "message": message}]
    if model_input.get("field_of_view_mm") and not image.has_areas:
        notes = [*notes, _scale_unknown(model_input["field_of_view_mm"])]
    stack = layout.stack(image.voxels)
    _, rows, columns, _ = stack.shape
    if min(rows, columns) < SMALLEST_SLICE:
        raise EngineError(
            "IMAGE_TOO_SMALL",
            f"The slices of {image.name} have {rows} x {columns} pixels; at least {SMALLEST_SLICE} x {SMALLEST_SLICE} "
            "are needed.",
            "Choose another slice axis or a larger image.",
        )
    row_mm, column_mm, _ = layout.spacing(image)
    letterbox = Letterbox.fit(
        rows, columns, row_mm, column_mm, tuple(model_input["size"]), model_input.get("field_of_view_mm")
    )
    intensity = model_input["intensity"]
    limits = image_limits(image.voxels, intensity)
    warnings += [*notes, *intensity_range_warning(image.voxels, intensity, limits)]
    return PreparedImage(image, layout, stack, letterbox, intensity, limits, warnings)


def _scale_unknown(field_of_view_mm: tuple[float, float]) -> dict[str, str]:
    high, wide = field_of_view_mm
    message = (
        f"This model sees the central {high:g} × {wide:g} mm of a slice, and the size of this image's pixels is "
        "unknown: they were taken to measure 1 mm. If they do not, segmentation and diagnosis may be wrong."
    )
    return {"code": "SCALE_UNKNOWN", "message": message}
