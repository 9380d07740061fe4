"""Out-of-distribution (OOD) detection: is an image like those that a model was trained on?

A network gives one of its diagnoses for any image. Two signs tell that it should not be believed, and their sum is the
OOD score of an image:

- the distance of the encoder's features of several levels from those of the training images. It is Mahalanobis's, as by
  Lee, Lee, Lee, Shin: A simple unified framework for detecting out-of-distribution samples and adversarial attacks.
  NeurIPS 2018, arXiv:1807.03888, with one class, as a segmentation needs no diagnosis, and with the covariance of
  probabilistic principal components (Tipping, Bishop: J. R. Stat. Soc. B 61, 611-622, 1999), as a few hundred images do
  not determine a full one;
- the uncertainty of the segmentation: one minus the Dice that its own probabilities lead to expect. An image with an
  empty segmentation has none.

Each is scaled so that 0 is the median of the validation cases and 1 their 97th percentile. An image whose score exceeds
that of 98 % of the validation cases is out of distribution. ``docs/evaluation.md`` tells how this was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import ModelBundle
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.model.weights import OUT_OF_DISTRIBUTION, load_out_of_distribution
from resformer_unet.preprocessing.letterbox import Letterbox

if TYPE_CHECKING:
    import torch

COMPONENTS = 16  # principal components that are kept
PERCENTILE = 98.0  # of the validation cases' scores lie below the threshold
HIGH = 97.0  # percentile of the validation cases' signs that is scaled to 1
SMALLEST_SCALE = 1e-3  # of a feature or a sign; one that is nearly always the same must not decide alone


def mean_features(levels: Sequence, letterbox: Letterbox) -> list:
    """The mean of every channel of the encoder's middle levels over each slice, without the padding around it.

    Args:
        levels: (n, channels, rows, columns) each, NumPy arrays or PyTorch tensors.
        letterbox: where the slices lie in the network's input.

    Returns:
        (n, channels) for each level, of the kind that was given.
    """
    top, left, height, width = letterbox.content
    means = []
    for level in levels:
        (rows, columns), size = level.shape[2:], letterbox.size
        inside = level[
            ...,
            top * rows // size[0] : -(-(top + height) * rows // size[0]),
            left * columns // size[1] : -(-(left + width) * columns // size[1]),
        ]
        means.append(inside.mean((2, 3)))
    return means


def expected_overlap(probabilities: np.ndarray, exclusive: bool) -> np.ndarray:
    """Numerator and denominator of the Dice that the probabilities of slices lead to expect, (n, 2); sums add up.

    Both are 0 for a slice in which nothing is segmented.

    Args:
        probabilities: (n, channels, rows, columns) of the segments; exclusive ones have the background as channel 0.
    """
    segments = probabilities[:, 1:] if exclusive else probabilities
    masks = segments >= 0.5
    shared = 2 * np.where(masks, segments, 0).sum((1, 2, 3), dtype=np.float64)
    total = segments.sum((1, 2, 3), dtype=np.float64) + masks.sum((1, 2, 3))
    return np.stack([shared, total], axis=1) * masks.any((1, 2, 3))[:, None]


@dataclass(frozen=True)
class ImageSigns:
    """What tells whether an image is out of distribution.

    Attributes:
        distance: of its features from those of the training images, about 1 for these; the median over the slices, as
            the first and last ones of a volume often hold little.
        uncertainty: of its segmentation, 0 to 1; ``None`` where nothing is segmented.
    """

    distance: float
    uncertainty: float | None = None

    @classmethod
    def of_slices(cls, distances: np.ndarray, overlaps: np.ndarray) -> ImageSigns:
        """``distances``: (n,); ``overlaps``: (n, 2) of :func:`expected_overlap`."""
        shared, total = overlaps.sum(0)
        return cls(float(np.median(distances)), float(1 - shared / total) if total else None)


@dataclass(frozen=True)
class OutOfDistributionDetector:
    """The distribution of the training images' features, and what is usual among the validation cases.

    Attributes:
        mean, scale: float32 (features,), of the training slices.
        basis: float32 (components, features): directions of the scaled features, longer where they vary less.
        residual: variance of the scaled features in any other direction.
        threshold: OOD score of a case above which it is out of distribution.
        distances, uncertainties: (median, 97th percentile) of the validation cases; ``None`` for uncertainties that do
            not count.
    """

    mean: np.ndarray
    scale: np.ndarray
    basis: np.ndarray
    residual: float
    threshold: float = np.inf
    distances: tuple[float, float] = (0.0, 1.0)
    uncertainties: tuple[float, float] | None = None

    @classmethod
    def of_bundle(cls, bundle: ModelBundle) -> OutOfDistributionDetector | None:
        """The detector of a bundle; ``None`` if it has none.

        Raises:
            EngineError: those of :func:`.load_weights`, MODEL_WEIGHTS_MISMATCH.
        """
        described = bundle.descriptor.get("out_of_distribution")
        if not described:
            return None
        arrays = load_out_of_distribution(bundle)
        config = NetworkConfig(**bundle.descriptor["network"])
        features = sum(config.widths[level] for level in config.feature_levels)
        expected = {"mean": (features,), "scale": (features,), "basis": (described["components"], features)}
        if {name: array.shape for name, array in arrays.items()} != expected:
            raise EngineError(
                "MODEL_WEIGHTS_MISMATCH",
                f"The out-of-distribution detector of “{bundle.folder}” does not fit its network.",
                "Weights and model.json come from different trainings; get the whole folder again.",
            )
        usual = {name: tuple(described[name]) for name in ("distances", "uncertainties") if described.get(name)}
        return cls(**arrays, residual=described["residual"], threshold=described["threshold"], **usual)

    def slice_distances(self, features: np.ndarray) -> np.ndarray:
        """Distances (n,) of slices, about 1 for those of the training.

        Args:
            features: (passes, n, features) as of :class:`.NetworkOutput`. Of a picture that is also seen transposed,
                as its orientation is unknown, the nearer pass counts.
        """
        scaled = (features - self.mean) / self.scale
        along = scaled @ self.basis.T  # in standard deviations
        lengths = np.square(self.basis).sum(1)
        rest = np.square(scaled).sum(-1) - (np.square(along) / lengths).sum(-1)
        total = np.square(along).sum(-1) + rest.clip(0) / self.residual
        return np.sqrt(total / scaled.shape[-1]).min(0)

    def relative_distance(self, features: np.ndarray) -> float:
        """Of an image's slices, (passes, n, features): 0 as the median of the validation cases, 1 as their 97th
        percentile."""
        return _scaled(float(np.median(self.slice_distances(features))), self.distances)

    def score(self, signs: ImageSigns) -> float:
        """OOD score of an image."""
        score = _scaled(signs.distance, self.distances)
        if self.uncertainties and signs.uncertainty is not None:
            score += _scaled(signs.uncertainty, self.uncertainties)
        return score

    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors for a bundle's weights file."""
        import torch

        return {
            OUT_OF_DISTRIBUTION + name: torch.from_numpy(getattr(self, name)) for name in ("mean", "scale", "basis")
        }

    def described(self, fitted_on: str) -> Mapping[str, object]:
        """The descriptor's entry."""
        return {
            "method": "ppca",
            "components": len(self.basis),
            "residual": self.residual,
            "distances": list(self.distances),
            "uncertainties": self.uncertainties and list(self.uncertainties),
            "threshold": self.threshold,
            "fitted_on": fitted_on,
        }

    def with_threshold(self, validation: Sequence[ImageSigns]) -> OutOfDistributionDetector:
        """The same with what is usual among validation cases, and the threshold that nearly all of them keep.

        Args:
            validation: signs of cases that were not trained on, at least one.
        """
        uncertainties = [signs.uncertainty for signs in validation if signs.uncertainty is not None]
        usual = replace(
            self,
            distances=_usual([signs.distance for signs in validation]),
            uncertainties=_usual(uncertainties) if uncertainties else None,
        )
        scores = [usual.score(signs) for signs in validation]
        return replace(usual, threshold=float(np.percentile(scores, PERCENTILE)))


def fit_distribution(features: np.ndarray) -> OutOfDistributionDetector:
    """The distribution of the training images' features, without a threshold.

    Args:
        features: (n, features) of training slices, n at least 2.
    """

    def half(values: np.ndarray) -> np.ndarray:  # as they are stored, so that the threshold fits them
        return values.astype(np.float16).astype(np.float32)

    mean, scale = half(features.mean(0)), half(np.maximum(features.std(0), SMALLEST_SCALE))
    _, singular, directions = np.linalg.svd((features - mean) / scale, full_matrices=False)
    variances = singular**2 / len(features)
    kept = min(COMPONENTS, len(variances) - 1)
    residual = max(float(variances[kept:].sum()) / (features.shape[1] - kept), 1e-3)
    spread = np.sqrt(np.maximum(variances[:kept], residual))
    return OutOfDistributionDetector(mean, scale, half(directions[:kept] / spread[:, None]), residual)


def _usual(values: Sequence[float]) -> tuple[float, float]:
    middle, high = np.percentile(values, (50, HIGH))
    return float(middle), float(max(high, middle + SMALLEST_SCALE))


def _scaled(value: float, usual: tuple[float, float]) -> float:
    middle, high = usual
    return (value - middle) / (high - middle)
