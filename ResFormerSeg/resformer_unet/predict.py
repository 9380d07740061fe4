"""A model bundle on an image: masks on the image's own grid, and the report that goes with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .bundle import ModelBundle, load_network
from .devices import choose_device, describe_device
from .diagnosis import case_probabilities, slice_probabilities
from .errors import EngineError
from .images import MedicalImage
from .inference import SliceBatch, SliceRunner
from .postprocess import clean_masks, masks_on_slices
from .preprocess import PreparedImage, prepare_image
from .report import build_report
from .stopwatch import Stopwatch


@dataclass(frozen=True)
class Prediction:
    """What a model says of an image.

    Attributes:
        layers: uint8 (layers, slices, rows, columns) on the image's grid, holding the segments' values; exclusive
            segments share one layer, others have one each. No layers for a model without segmentation.
        report: the content of ``<case>.json``; see ``docs/prediction-report.md``.
    """

    layers: np.ndarray
    report: dict


class Predictor:
    """A model ready to be used on one image after another.

    >>> predictor = Predictor(find_model("skin-lesion"))
    >>> predictor.predict(read_image("mole.jpg")).report["diagnosis"]["label"]
    'nevus'
    """

    def __init__(self, bundle: ModelBundle, device: str = "auto") -> None:
        """Raises ``EngineError``: those of :func:`.devices.choose_device` and :func:`.bundle.load_network`."""
        self.bundle = bundle
        chosen = choose_device(device)
        self.runner = SliceRunner(load_network(bundle), chosen)

    def predict(
        self,
        image: MedicalImage,
        *,
        slice_axis: str | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Prediction:
        """Segment and diagnose one image; the image is not changed.

        Args:
            slice_axis: in place of the model's: acquisition, axial, coronal, sagittal or stored.
            progress: called with (slices done, slices in all).
            cancelled: asked between batches.

        Raises:
            EngineError: those of :func:`.preprocess.prepare_image`, NETWORK_NOT_FINITE, OUT_OF_MEMORY.
            Cancelled: when ``cancelled()`` said so.
        """
        watch = Stopwatch()
        with watch.step("prepare"):
            prepared = prepare_image(image, self.bundle.descriptor["input"], slice_axis)
        masks, logits = self._run(prepared, watch, progress, cancelled)

        with watch.step("postprocess"):
            descriptor = self.bundle.descriptor
            row_mm, column_mm, _ = prepared.layout.spacing(image)
            if self.bundle.segments:
                clean_masks(masks, descriptor["segmentation"], row_mm * column_mm if image.has_orientation else None)
            layers = self._layers(prepared, masks)
            probabilities = case = None
            if self.bundle.diagnoses:
                probabilities = slice_probabilities(logits, descriptor["calibration"])
                areas = masks.any(1).sum((1, 2))
                case = case_probabilities(probabilities, areas, descriptor["diagnosis"]["rule"])
        report = build_report(
            self.bundle,
            image,
            prepared.layout,
            masks,
            probabilities,
            case,
            device=describe_device(self.runner.device),
            warnings=prepared.warnings + self.runner.warnings,
            timing={**watch.seconds, "total": watch.total()},
        )
        return Prediction(layers, report)

    def _run(
        self,
        prepared: PreparedImage,
        watch: Stopwatch,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Masks bool (n, segments, rows, columns), logits (n, diagnoses)."""
        count = len(prepared)
        masks = np.zeros((count, len(self.bundle.segments), *prepared.stack.shape[1:3]), bool)
        logits = np.zeros((count, len(self.bundle.diagnoses)), np.float32)
        both_ways = prepared.layout.plane == "picture" and self.bundle.descriptor["input"]["orientation"].get(
            "both_ways", False
        )
        try:
            for batch in self.runner.run(prepared, progress, cancelled, both_ways=both_ways, watch=watch):
                where = slice(batch.first, batch.first + self._length(batch))
                if batch.masks is not None:
                    with watch.step("postprocess"):
                        masks[where] = masks_on_slices(
                            batch.masks, prepared.letterbox, self.bundle.descriptor["segmentation"]
                        )
                if batch.diagnosis is not None:
                    logits[where] = batch.diagnosis.numpy()
        except MemoryError as error:
            raise EngineError(
                "OUT_OF_MEMORY", f"{prepared.image.name} does not fit into memory.", "Close other programs, or crop it."
            ) from error
        return masks, logits

    def _layers(self, prepared: PreparedImage, masks: np.ndarray) -> np.ndarray:
        values = np.array([segment["value"] for segment in self.bundle.segments], np.uint8)
        if self.bundle.segments and self.bundle.descriptor["segmentation"]["exclusive"]:
            # Cleaning never makes exclusive segments overlap.
            slices = np.zeros((1, len(masks), *masks.shape[2:]), np.uint8)
            for index, value in enumerate(values):
                slices[0][masks[:, index]] = value
        else:
            slices = masks.swapaxes(0, 1) * values[:, None, None, None]
        return np.ascontiguousarray([prepared.layout.unstack(layer) for layer in slices], np.uint8).reshape(
            len(slices), *prepared.image.shape
        )

    @staticmethod
    def _length(batch: SliceBatch) -> int:
        return len(batch.masks if batch.masks is not None else batch.diagnosis)
