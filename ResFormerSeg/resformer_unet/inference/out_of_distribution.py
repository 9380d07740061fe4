"""Out-of-distribution (OOD) detection: is an image like those that a model was trained on?

A network gives one of its diagnoses for any image. The distance of the encoder's features from those of the training
images is the OOD score; an image whose score exceeds that of nearly all cases of the validation split is out of
distribution. The distance is Mahalanobis's, as by

    Lee, Lee, Lee, Shin: A simple unified framework for detecting out-of-distribution samples and adversarial attacks.
    NeurIPS 2018, arXiv:1807.03888,

with one class, as a segmentation needs no diagnosis, and with the covariance of probabilistic principal components
(Tipping, Bishop: J. R. Stat. Soc. B 61, 611-622, 1999), as a few hundred images do not determine a full one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
PERCENTILE = 99.0  # of the validation cases' scores lie below the threshold
SMALLEST_SCALE = 1e-3  # of a feature; one that is nearly always the same must not decide alone


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


@dataclass(frozen=True)
class OutOfDistributionDetector:
    """The distribution of the training images' features.

    Attributes:
        mean, scale: float32 (features,), of the training slices.
        basis: float32 (components, features): directions of the scaled features, longer where they vary less.
        residual: variance of the scaled features in any other direction.
        threshold: OOD score of a case above which it is out of distribution.
    """

    mean: np.ndarray
    scale: np.ndarray
    basis: np.ndarray
    residual: float
    threshold: float

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
        return cls(**arrays, residual=described["residual"], threshold=described["threshold"])

    def scores(self, features: np.ndarray) -> np.ndarray:
        """OOD scores (n,) of slices, about 1 for those of the training; features are (n, features)."""
        scaled = (features - self.mean) / self.scale
        along = scaled @ self.basis.T  # in standard deviations
        lengths = np.square(self.basis).sum(1)
        rest = np.square(scaled).sum(1) - (np.square(along) / lengths).sum(1)
        total = np.square(along).sum(1) + rest.clip(0) / self.residual
        return np.sqrt(total / scaled.shape[1])

    def tensors(self) -> dict[str, torch.Tensor]:
        """The tensors for a bundle's weights file."""
        import torch

        return {
            OUT_OF_DISTRIBUTION + name: torch.from_numpy(getattr(self, name)) for name in ("mean", "scale", "basis")
        }

    def described(self, fitted_on: str) -> dict:
        """The descriptor's entry."""
        return {
            "method": "ppca",
            "components": len(self.basis),
            "residual": self.residual,
            "threshold": self.threshold,
            "fitted_on": fitted_on,
        }


def case_score(scores: np.ndarray) -> float:
    """OOD score of an image: the median over its slices, as the first and last ones of a volume often hold little."""
    return float(np.median(scores))


def fit_out_of_distribution(features: np.ndarray, validation: Sequence[np.ndarray]) -> OutOfDistributionDetector:
    """Fit the distribution of the training images' features, and the threshold to the scores of validation cases.

    Args:
        features: (n, features) of training slices, n at least 2.
        validation: (slices, features) of each case that was not trained on.
    """

    def half(values: np.ndarray) -> np.ndarray:  # as they are stored, so that the threshold fits them
        return values.astype(np.float16).astype(np.float32)

    mean, scale = half(features.mean(0)), half(np.maximum(features.std(0), SMALLEST_SCALE))
    _, singular, directions = np.linalg.svd((features - mean) / scale, full_matrices=False)
    variances = singular**2 / len(features)
    kept = min(COMPONENTS, len(variances) - 1)
    residual = max(float(variances[kept:].sum()) / (features.shape[1] - kept), 1e-3)
    spread = np.sqrt(np.maximum(variances[:kept], residual))
    basis = half(directions[:kept] / spread[:, None])
    fitted = OutOfDistributionDetector(mean, scale, basis, residual, threshold=np.inf)
    scores = [case_score(fitted.scores(case)) for case in validation]
    return OutOfDistributionDetector(mean, scale, basis, residual, threshold=float(np.percentile(scores, PERCENTILE)))
