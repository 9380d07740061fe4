"""Which of several models knows images like this one: the distance of one slice from their training images.

It says how far the image is from a model's training images, not how good the model's answer is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.image.medical_image import MedicalImage, image_from_array
from resformer_unet.inference.out_of_distribution import OutOfDistributionDetector
from resformer_unet.inference.predictor import Predictor
from resformer_unet.model.catalog import find_model
from resformer_unet.preprocessing.slice_layout import choose_layout


def rank_models(
    image: MedicalImage,
    models: Sequence[str],
    device: str = "cpu",
    *,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[dict]:
    """Score the image's middle slice with each model.

    Args:
        models: ids or folders.
        progress: called with (models done, models in total).
        cancelled: called between two models; true ends the work.

    Returns:
        Rows with ``model``, as given, and ``distance`` of its features, see
        :meth:`.OutOfDistributionDetector.relative_distance`: above 1 such images are rare among those that the model
        knows; ``None`` for a model that has no detector or cannot run on the image. The nearest model comes first,
        those without a distance last.

    Raises:
        Cancelled: when ``cancelled()`` was true.
    """
    middle, rows = middle_slice(image), []
    for done, model in enumerate(models):
        if cancelled is not None and cancelled():
            raise Cancelled
        rows.append({"model": model, "distance": _distance(middle, model, device)})
        if progress is not None:
            progress(done + 1, len(models))
    return sorted(rows, key=lambda row: (row["distance"] is None, row["distance"]))


def middle_slice(image: MedicalImage) -> MedicalImage:
    """One slice, across the axis along which the volume was acquired."""
    axis = choose_layout(image, "acquisition", {"volume": "stored", "picture": "stored"}).axis
    index = image.shape[axis] // 2
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, 2 - axis] * index
    voxels = np.ascontiguousarray(image.voxels.take([index], axis))
    return image_from_array(voxels, affine, image.name, image.has_orientation)


def _distance(image: MedicalImage, model: str, device: str) -> float | None:
    try:
        bundle = find_model(model)
        detector = OutOfDistributionDetector.of_bundle(bundle)
        if detector is None:
            return None
        features, _ = Predictor(bundle, device).encoder_features(image)
        return detector.relative_distance(features)
    except EngineError:  # no suggestion, then; a run says what is wrong
        return None
