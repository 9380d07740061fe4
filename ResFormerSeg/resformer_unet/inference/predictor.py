"""A model ready for use: segmentation and diagnosis of one image after another, and their explanation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.image.medical_image import MedicalImage
from resformer_unet.inference.backends.choice import explanation_backend, load_backend
from resformer_unet.inference.batching import SliceBatch, SliceRunner
from resformer_unet.inference.options import ExplainOptions, PredictOptions, SliceOptions, bad_option
from resformer_unet.inference.out_of_distribution import ImageSigns, OutOfDistributionDetector, expected_overlap
from resformer_unet.inference.pipeline import Stopwatch
from resformer_unet.inference.prediction import Prediction
from resformer_unet.inference.report import build_report
from resformer_unet.inference.result_warnings import (
    input_kind_warning,
    model_warnings,
    out_of_distribution_warning,
    reliability_warnings,
)
from resformer_unet.inference.volume_masks import VolumeMasks
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.postprocessing.case_probabilities import case_probabilities, slice_probabilities
from resformer_unet.preprocessing.prepare import PreparedImage, prepare_image

if TYPE_CHECKING:
    from resformer_unet.inference.saliency import Explanation


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
        prepared: PreparedImage | None = None,
    ) -> Prediction:
        """Segment and diagnose one image; the image is not changed.

        Args:
            options: the user's choices; without any, the model default.
            progress: called with (slices done, slices in total).
            cancelled: called between batches; true ends the prediction.
            prepared: what :meth:`prepare` gave for the image, to predict one slice of it after another.

        Raises:
            EngineError: those of :func:`.prepare_image`, BAD_OPTION, NETWORK_NOT_FINITE, OUT_OF_MEMORY.
            Cancelled: when ``cancelled()`` was true.
        """
        options = options or PredictOptions()
        watch = Stopwatch()
        with watch.step("prepare"):
            prepared, slices = self._prepare(image, options, prepared)
        with _memory_error_named(image):
            volume = VolumeMasks(self.bundle, prepared, options)
            logits, signs = self._run(prepared, volume, watch, progress, cancelled)

        with watch.step("postprocess"):
            warnings = [*prepared.warnings, *self.runner.warnings]
            if self.bundle.segments:
                warnings += volume.postprocess()
            masks = volume.of_run_slices
            areas = np.array([np.count_nonzero(segments.any(0)) for segments in masks])
            probabilities, case = self._probabilities(logits, areas)
            warnings += input_kind_warning(self.bundle.descriptor["kind"], slices)
            score = None if signs is None else self._detector.score(signs)
            threshold = self._detector and self._detector.threshold
            warnings += out_of_distribution_warning(self.bundle.descriptor, image, score, threshold)
            warnings += [*self._model_warnings, *reliability_warnings(self.bundle, prepared, slices, masks, case)]
            report = build_report(
                self.bundle, image, prepared, masks, probabilities, case,
                device=self.runner.backend.description, engine=self.runner.backend.name, warnings=warnings,
            )  # fmt: skip
            layers = volume.label_layers()
        timing = {**watch.seconds, "total": watch.total()}
        report["timing_s"] = {step: round(seconds, 4) for step, seconds in timing.items()}
        return Prediction(layers, report, logits, areas, volume.probability_maps, score)

    def explain(
        self,
        image: MedicalImage,
        *,
        options: ExplainOptions | None = None,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Explanation:
        """Map the parts of an image that support a diagnosis, by the method of :mod:`.inference.saliency`.

        Args:
            options: without a diagnosis, the one that :meth:`predict` gives for the slices is explained.
            progress, cancelled: as in :meth:`predict`.

        Raises:
            EngineError: those of :meth:`predict`, NO_DIAGNOSIS, PYTORCH_MISSING; BAD_OPTION also for an unknown
                diagnosis.
            Cancelled: when ``cancelled()`` was true.
        """
        options = options or ExplainOptions()
        diagnosis, classes = options.diagnosis, [row["id"] for row in self.bundle.diagnoses]
        if not classes:
            raise EngineError(
                "NO_DIAGNOSIS", f"The model {self.bundle.title} gives no diagnosis.", "Choose another model."
            )
        if diagnosis not in (None, *classes):
            raise bad_option(f"The model has no diagnosis “{diagnosis}”.", f"Its diagnoses are {', '.join(classes)}.")
        runs, done_before = (1, 0) if diagnosis else (2, 1)
        explainer = self._explainer

        def progress_of(run: int) -> Callable[[int, int], None] | None:
            return progress and (lambda done, total: progress(run * total + done, runs * total))

        if diagnosis is None:
            same_slices = PredictOptions(slice_axis=options.slice_axis, slices=options.slices)
            report = self.predict(image, options=same_slices, progress=progress_of(0), cancelled=cancelled).report
            diagnosis = report["diagnosis"]["label"]
        prepared, _ = self._prepare(image, options)
        from resformer_unet.inference.saliency import (  # needs PyTorch, which the explainer has found
            Explanation,
            image_saliency,
        )

        with _memory_error_named(image):
            saliency = image_saliency(
                explainer, prepared, classes.index(diagnosis), transpose_tta=self._transpose_tta(prepared),
                progress=progress_of(done_before), cancelled=cancelled,
            )  # fmt: skip
        return Explanation(saliency, diagnosis)

    def prepare(self, image: MedicalImage, options: SliceOptions) -> PreparedImage:
        """The whole image with its slice axis and intensity limits; raises as :func:`.prepare_image`."""
        return prepare_image(image, self.bundle.descriptor["input"], options.slice_axis)

    def encoder_features(self, image: MedicalImage) -> tuple[np.ndarray, np.ndarray]:
        """What the out-of-distribution detector is fitted to, see :mod:`.inference.out_of_distribution`.

        Returns:
            Encoder features of each slice, float32 (passes, n, features) as of :class:`.NetworkOutput`; and (n, 2) of
            :func:`.expected_overlap`.
        """
        prepared, _ = self._prepare(image, PredictOptions())
        transpose_tta = self._transpose_tta(prepared)
        batches = [batch.output for batch in self.runner.run(prepared, transpose_tta=transpose_tta, features=True)]
        features = np.concatenate([output.features for output in batches], axis=1)
        return features, np.concatenate([self._overlap(output.masks, len(output)) for output in batches])

    def _overlap(self, masks: np.ndarray | None, slices: int) -> np.ndarray:
        """:func:`.expected_overlap` of slices; of a model without segmentation that of an empty one."""
        if masks is None:
            return np.zeros((slices, 2))
        return expected_overlap(masks, self.bundle.descriptor["segmentation"]["exclusive"])

    @cached_property
    def _explainer(self) -> SliceRunner:
        backend = explanation_backend(self.bundle, self.runner.backend)
        return self.runner if backend is self.runner.backend else SliceRunner(backend)

    def _prepare(
        self, image: MedicalImage, options: SliceOptions, whole: PreparedImage | None = None
    ) -> tuple[PreparedImage, int]:
        """The slices to run, and how many the image has."""
        whole = self.prepare(image, options) if whole is None else whole
        return whole.only(options.slice_range(len(whole))), len(whole)

    def _probabilities(self, logits: np.ndarray, areas: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Calibrated probabilities (n, diagnoses) of the slices and (diagnoses,) of the case, if there are any."""
        if not self.bundle.diagnoses:
            return None, None
        probabilities = slice_probabilities(logits, self.bundle.descriptor["calibration"])
        return probabilities, case_probabilities(probabilities, areas, self.bundle.descriptor["diagnosis"]["rule"])

    def _transpose_tta(self, prepared: PreparedImage) -> bool:
        orientation = self.bundle.descriptor["input"]["orientation"]
        return prepared.layout.plane == "picture" and orientation.get("transpose_tta", False)

    def _run(
        self,
        prepared: PreparedImage,
        volume: VolumeMasks,
        watch: Stopwatch,
        progress: Callable[[int, int], None] | None,
        cancelled: Callable[[], bool] | None,
    ) -> tuple[np.ndarray, ImageSigns | None]:
        """Run the network over the slices; the masks go into ``volume``.

        Returns:
            logits, float32 (n, diagnoses); what tells an out-of-distribution image, or ``None`` without a detector.
        """
        logits = np.zeros((len(prepared), len(self.bundle.diagnoses)), np.float32)
        distances, overlaps = np.zeros(len(prepared)), np.zeros((len(prepared), 2))

        def collect(batch: SliceBatch) -> None:
            where = slice(batch.first, batch.first + len(batch))
            if self._detector is not None:
                distances[where] = self._detector.slice_distances(batch.output.features)
                overlaps[where] = self._overlap(batch.output.masks, len(batch))
            if batch.output.masks is not None:
                with watch.step("postprocess"):
                    volume.write(batch.first, batch.output.masks)
            if batch.output.diagnosis is not None:
                logits[where] = batch.output.diagnosis

        batches = self.runner.run(
            prepared, progress, cancelled, transpose_tta=self._transpose_tta(prepared),
            features=self._detector is not None, watch=watch,
        )  # fmt: skip
        with ThreadPoolExecutor(1, "masks") as beside:  # the network works on the next batch meanwhile
            collecting = None
            for batch in batches:
                if collecting:
                    collecting.result()
                collecting = beside.submit(collect, batch)
            collecting.result()
        return logits, None if self._detector is None else ImageSigns.of_slices(distances, overlaps)


@contextmanager
def _memory_error_named(image: MedicalImage) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise EngineError(
            "OUT_OF_MEMORY", f"{image.name} does not fit into memory.", "Close other programs, or crop it."
        ) from error
