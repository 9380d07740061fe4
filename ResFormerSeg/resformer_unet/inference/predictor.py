"""A model bundle on an image: masks on the image's own grid, and the report that goes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.inference.backends.choice import explanation_backend, load_backend
from resformer_unet.inference.batching import SliceBatch, SliceRunner
from resformer_unet.inference.options import PredictOptions, bad_option
from resformer_unet.inference.out_of_distribution import OutOfDistributionDetector, case_score
from resformer_unet.inference.pipeline import Stopwatch
from resformer_unet.inference.report import build_report
from resformer_unet.inference.result_warnings import (
    input_kind_warning,
    model_warnings,
    out_of_distribution_warning,
    reliability_warnings,
)
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.postprocessing.case_probabilities import case_probabilities, slice_probabilities
from resformer_unet.postprocessing.masks import clean_masks, masks_on_slices
from resformer_unet.postprocessing.smoothing import smooth_masks
from resformer_unet.preprocessing.prepare import PreparedImage, prepare_image

if TYPE_CHECKING:
    from resformer_unet.inference.saliency import Explanation


@dataclass(frozen=True)
class Prediction:
    """What a model says of an image.

    Attributes:
        layers: uint8 (layers, slices, rows, columns) on the image's grid, holding the segments' values; exclusive
            segments share one layer, others have one each. No layers for a model without segmentation.
        report: the content of ``<case>.json``; see ``docs/prediction-report.md``.
        probability_maps: uint8 (segments, slices, rows, columns) in per cent, 0 in slices that were not run; ``None``
            unless they were asked for.
    """

    layers: np.ndarray
    report: dict
    probability_maps: np.ndarray | None = None


@dataclass(frozen=True)
class _ImageOutput:
    """What the network says of the slices that were run: logits (n, diagnoses), distances (n,) from the training
    images; and of all slices of the image, with nothing in those that were not run: outlined, bool (segments, slices,
    rows, columns), and probability maps on the image's grid."""

    outlined: np.ndarray
    logits: np.ndarray
    maps: np.ndarray | None
    distances: np.ndarray | None

    def masks(self, prepared: PreparedImage) -> np.ndarray:
        """View of what was outlined in the slices that were run, (n, segments, rows, columns)."""
        return self.outlined[:, prepared.slices].swapaxes(0, 1)


class Predictor:
    """A model ready to be used on one image after another.

    >>> predictor = Predictor(find_model("skin-lesion"))
    >>> predictor.predict(read_image("mole.jpg")).report["diagnosis"]["label"]
    'nevus'
    """

    def __init__(self, bundle: ModelBundle, device: str = "auto") -> None:
        """Raises ``EngineError``: those of :func:`.load_backend`."""
        self.bundle = bundle
        self.runner = SliceRunner(load_backend(bundle, device))
        self._detector = OutOfDistributionDetector.of_bundle(bundle)
        self._model_warnings = model_warnings(bundle)

    def predict(
        self,
        image: MedicalImage,
        *,
        options: PredictOptions | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Prediction:
        """Segment and diagnose one image; the image is not changed.

        Args:
            options: the user's choices; without any, the model's own hold.
            progress: called with (slices done, slices in all).
            cancelled: asked between batches.

        Raises:
            EngineError: those of :func:`.prepare_image`, BAD_OPTION, NETWORK_NOT_FINITE, OUT_OF_MEMORY.
            Cancelled: when ``cancelled()`` said so.
        """
        options = options or PredictOptions()
        watch = Stopwatch()
        with watch.step("prepare"):
            prepared, slices = self._prepare(image, options)
        answers = self._run(prepared, options, watch, progress, cancelled)

        with watch.step("postprocess"):
            masks = answers.masks(prepared)
            warnings = [*prepared.warnings, *self.runner.warnings]
            if self.bundle.segments:
                warnings += self._tidy(masks, prepared, options, slices)
            probabilities = case = None
            if self.bundle.diagnoses:
                probabilities = slice_probabilities(answers.logits, self.bundle.descriptor["calibration"])
                areas = np.array([np.count_nonzero(segments.any(0)) for segments in masks])
                case = case_probabilities(probabilities, areas, self.bundle.descriptor["diagnosis"]["rule"])
            warnings += input_kind_warning(self.bundle.descriptor["kind"], slices)
            distance = None if answers.distances is None else case_score(answers.distances)
            limit = self._detector and self._detector.threshold
            warnings += out_of_distribution_warning(self.bundle.descriptor, image, distance, limit)
            warnings += [*self._model_warnings, *reliability_warnings(self.bundle, prepared, slices, masks, case)]
            report = build_report(
                self.bundle, image, prepared, masks, probabilities, case,
                device=self.runner.backend.description, engine=self.runner.backend.name, warnings=warnings,
            )  # fmt: skip
            layers = self._layers(prepared, answers.outlined)
        timing = {**watch.seconds, "total": watch.total()}
        report["timing_s"] = {step: round(seconds, 4) for step, seconds in timing.items()}
        return Prediction(layers, report, answers.maps)

    def explain(
        self,
        image: MedicalImage,
        diagnosis: str | None = None,
        slice_axis: str | None = None,
        slices: tuple[int, int] | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Explanation:
        """Show where in an image a diagnosis comes from, by the method of :mod:`.inference.saliency`.

        Args:
            diagnosis: id of the one to explain; ``None`` explains the one that :meth:`predict` gives for the slices.
            slice_axis, slices, progress, cancelled: as in :meth:`predict`.

        Raises:
            EngineError: those of :meth:`predict`, NO_DIAGNOSIS, PYTORCH_MISSING; BAD_OPTION also for an unknown
                diagnosis.
            Cancelled: when ``cancelled()`` said so.
        """
        classes = [row["id"] for row in self.bundle.diagnoses]
        if not classes:
            raise EngineError(
                "NO_DIAGNOSIS", f"The model {self.bundle.title} gives no diagnosis to explain.", "Choose another model."
            )
        if diagnosis not in (None, *classes):
            raise bad_option(f"The model knows no diagnosis “{diagnosis}”.", f"It knows {', '.join(classes)}.")
        options = PredictOptions(slice_axis=slice_axis, slices=slices)
        runs, done_before = (1, 0) if diagnosis else (2, 1)
        explainer = self._explainer

        def tell(run: int) -> Callable[[int, int], None] | None:
            return progress and (lambda done, total: progress(run * total + done, runs * total))

        if diagnosis is None:
            report = self.predict(image, options=options, progress=tell(0), cancelled=cancelled).report
            diagnosis = report["diagnosis"]["label"]
        prepared, _ = self._prepare(image, options)
        from resformer_unet.inference.saliency import (  # need PyTorch, which the explainer has found
            Explanation,
            image_saliency,
        )

        with _told_of_memory(image):
            saliency = image_saliency(
                explainer, prepared, classes.index(diagnosis), transpose_tta=self._transpose_tta(prepared),
                progress=tell(done_before), cancelled=cancelled,
            )  # fmt: skip
        return Explanation(saliency, diagnosis)

    def encoder_features(self, image: MedicalImage) -> np.ndarray:
        """What the encoder makes of each slice, float32 (n, features), see :mod:`.inference.out_of_distribution`."""
        prepared, _ = self._prepare(image, PredictOptions())
        transpose_tta = self._transpose_tta(prepared)
        batches = self.runner.run(prepared, transpose_tta=transpose_tta, features=True)
        return np.concatenate([batch.output.features for batch in batches])

    @cached_property
    def _explainer(self) -> SliceRunner:
        engine = explanation_backend(self.bundle, self.runner.backend)
        return self.runner if engine is self.runner.backend else SliceRunner(engine)

    def _prepare(self, image: MedicalImage, options: PredictOptions) -> tuple[PreparedImage, int]:
        """The slices to run, and how many the image has."""
        whole = prepare_image(image, self.bundle.descriptor["input"], options.slice_axis)
        return whole.only(options.slice_range(len(whole))), len(whole)

    def _transpose_tta(self, prepared: PreparedImage) -> bool:
        orientation = self.bundle.descriptor["input"]["orientation"]
        return prepared.layout.plane == "picture" and orientation.get("transpose_tta", False)

    def _run(
        self,
        prepared: PreparedImage,
        options: PredictOptions,
        watch: Stopwatch,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> _ImageOutput:
        count, slices, segments = len(prepared), prepared.image.shape[prepared.layout.axis], len(self.bundle.segments)
        transpose_tta = self._transpose_tta(prepared)
        features = self._detector is not None
        with _told_of_memory(prepared.image):
            answers = _ImageOutput(
                np.zeros((segments, slices, *prepared.stack.shape[1:3]), bool),
                np.zeros((count, len(self.bundle.diagnoses)), np.float32),
                np.zeros((segments, *prepared.image.shape), np.uint8) if options.probability_maps else None,
                np.zeros(count) if features else None,
            )
            batches = self.runner.run(
                prepared, progress, cancelled, transpose_tta=transpose_tta, features=features, watch=watch
            )
            with ThreadPoolExecutor(1, "masks") as beside:  # the network goes on meanwhile
                taking = None
                for batch in batches:
                    if taking:
                        taking.result()
                    taking = beside.submit(self._take, batch, prepared, answers, watch)
                taking.result()
        return answers

    def _take(self, batch: SliceBatch, prepared: PreparedImage, answers: _ImageOutput, watch: Stopwatch) -> None:
        """Put what the network says of a batch where it belongs."""
        where = slice(batch.first, batch.first + len(batch))
        if answers.distances is not None:
            answers.distances[where] = self._detector.scores(batch.output.features)
        if batch.output.masks is not None:
            with watch.step("postprocess"):
                answers.masks(prepared)[where] = self._masks(batch, prepared, answers.maps)
        if batch.output.diagnosis is not None:
            answers.logits[where] = batch.output.diagnosis

    def _masks(self, batch: SliceBatch, prepared: PreparedImage, maps: np.ndarray | None) -> np.ndarray:
        """Masks of a batch, bool (n, segments, rows, columns); their probabilities go into ``maps``."""
        segmentation = self.bundle.descriptor["segmentation"]
        if maps is None:
            return masks_on_slices(batch.output.masks, prepared.letterbox, segmentation)
        percent = np.empty((len(batch), len(maps), *prepared.stack.shape[1:3]), np.uint8)
        masks = masks_on_slices(batch.output.masks, prepared.letterbox, segmentation, percent)
        first = prepared.first + batch.first
        for index, segment_map in enumerate(maps):
            prepared.layout.stack(segment_map)[first : first + len(percent)] = percent[:, index]
        return masks

    def _tidy(
        self, masks: np.ndarray, prepared: PreparedImage, options: PredictOptions, slices: int
    ) -> list[dict[str, str]]:
        """Smooth and clean the masks in place, as the descriptor and the user say; returns warnings."""
        segmentation, warnings = self.bundle.descriptor["segmentation"], []
        row_mm, column_mm, _ = prepared.layout.spacing(prepared.image)
        in_millimetres = prepared.image.has_orientation
        if not in_millimetres and (options.min_area_mm2 is not None or options.smoothing_mm):
            message = (
                "The picture's pixels have no known size: smallest area and smoothing in millimetres were ignored."
            )
            warnings.append({"code": "MILLIMETRES_UNKNOWN", "message": message})
        elif options.smoothing_mm:
            smooth_masks(
                masks, (options.smoothing_mm / row_mm, options.smoothing_mm / column_mm), segmentation["exclusive"]
            )
        if options.min_area_mm2 is not None:
            segmentation = {**segmentation, "min_area_mm2": options.min_area_mm2}
        chosen = prepared.slices
        open_ends = (chosen.start > 0, chosen.stop < slices)
        clean_masks(masks, segmentation, row_mm * column_mm if in_millimetres else None, open_ends)
        return warnings

    def _layers(self, prepared: PreparedImage, outlined: np.ndarray) -> np.ndarray:
        """The masks turned into layers where they lie in memory: a large volume should not need it twice."""
        layers = outlined.view(np.uint8)
        for layer, segment in zip(layers, self.bundle.segments, strict=True):
            layer *= segment["value"]
        if len(layers) > 1 and self.bundle.descriptor["segmentation"]["exclusive"]:
            layers = layers.max(0, keepdims=True)  # cleaning never makes exclusive segments overlap
        return np.moveaxis(prepared.layout.unstack(np.moveaxis(layers, 0, -1)), -1, 0)


@contextmanager
def _told_of_memory(image: MedicalImage) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise EngineError(
            "OUT_OF_MEMORY", f"{image.name} does not fit into memory.", "Close other programs, or crop it."
        ) from error
