"""Does an image look like those that a model was trained on?

A network names one of its diagnoses whatever it is shown. The encoder's features tell foreign images: their distance
from the training images' features is measured, and an image farther away than nearly all of the validation split is
said to be foreign. The distance is Mahalanobis's, as by

    Lee, Lee, Lee, Shin: A simple unified framework for detecting out-of-distribution samples and adversarial attacks.
    NeurIPS 2018, arXiv:1807.03888,

with one class, as an outline needs no diagnosis, and with the covariance of probabilistic principal components
(Tipping, Bishop: J. R. Stat. Soc. B 61, 611-622, 1999): a few hundred images do not tell all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import OUT_OF_DISTRIBUTION, ModelBundle, load_out_of_distribution
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.preprocessing.letterbox import Letterbox

if TYPE_CHECKING:
    import torch

COMPONENTS = 16  # directions in which the training images vary that are told apart
PERCENTILE = 99.0  # of the validation split's distances lie below the limit
SMALLEST_SCALE = 1e-3  # of a feature; one that is nearly always the same must not decide alone


def middle_levels(levels: int) -> range:
    """The encoder levels that are looked at: of five the second to fourth. The first tells little but brightness, and
    the last has learnt to leave out what does not matter for the diagnosis; a network of two levels has only these."""
    return range(1, levels - 1) if levels > 2 else range(levels)


def mean_features(levels: Sequence, letterbox: Letterbox, transposed: bool = False):
    """The mean of every channel of the encoder's middle levels over each slice, without the padding around it.

    Args:
        levels: (n, channels, rows, columns) each, NumPy arrays or PyTorch tensors.
        letterbox: where the slices lie in the network's input.
        transposed: whether the levels are of slices with rows and columns exchanged.

    Returns:
        (n, channels) for each level, of the kind that was given.
    """
    top, left, height, width = letterbox.content
    means = []
    for level in levels:
        if transposed:
            level = level.swapaxes(2, 3)
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
    """What the training images' features are like.

    Attributes:
        mean, scale: float32 (features,), of the training slices.
        basis: float32 (components, features): directions of the scaled features, longer where they vary less.
        residual: variance of the scaled features in any other direction.
        limit: distance of a case beyond which it is foreign.
    """

    mean: np.ndarray
    scale: np.ndarray
    basis: np.ndarray
    residual: float
    limit: float

    @classmethod
    def of_bundle(cls, bundle: ModelBundle) -> OutOfDistributionDetector | None:
        """What a bundle says of its training images; ``None`` if it says nothing.

        Raises:
            EngineError: those of :func:`.load_weights`, MODEL_WEIGHTS_MISMATCH.
        """
        described = bundle.descriptor.get("out_of_distribution")
        if not described:
            return None
        arrays = load_out_of_distribution(bundle)
        widths = bundle.descriptor["network"].get("widths", NetworkConfig.widths)
        features = sum(widths[level] for level in middle_levels(len(widths)))
        expected = {"mean": (features,), "scale": (features,), "basis": (described["components"], features)}
        if {name: array.shape for name, array in arrays.items()} != expected:
            raise EngineError(
                "MODEL_WEIGHTS_MISMATCH",
                f"What “{bundle.folder}” says of its training images does not fit its network.",
                "Weights and model.json come from different trainings; get the whole folder again.",
            )
        return cls(**arrays, residual=described["residual"], limit=described["limit"])

    def distances(self, features: np.ndarray) -> np.ndarray:
        """(n,) distances of slices, about 1 for those of the training; features are (n, features)."""
        scaled = (features - self.mean) / self.scale
        along = scaled @ self.basis.T  # in standard deviations
        lengths = np.square(self.basis).sum(1)
        rest = np.square(scaled).sum(1) - (np.square(along) / lengths).sum(1)
        total = np.square(along).sum(1) + rest.clip(0) / self.residual
        return np.sqrt(total / scaled.shape[1])

    def tensors(self) -> dict[str, torch.Tensor]:
        """What goes among a bundle's weights."""
        import torch

        return {
            OUT_OF_DISTRIBUTION + name: torch.from_numpy(getattr(self, name)) for name in ("mean", "scale", "basis")
        }

    def described(self, fitted_on: str) -> dict:
        """What goes into the descriptor."""
        return {
            "method": "ppca",
            "components": len(self.basis),
            "residual": self.residual,
            "limit": self.limit,
            "fitted_on": fitted_on,
        }


def case_distance(distances: np.ndarray) -> float:
    """That of an image, from its slices': their median, as the first and last slices of a volume often hold little."""
    return float(np.median(distances))


def fit_out_of_distribution(features: np.ndarray, validation: Sequence[np.ndarray]) -> OutOfDistributionDetector:
    """Learn what training images are like, and how far others of their kind are from them.

    Args:
        features: (n, features) of training slices, n at least 2.
        validation: (slices, features) of each case that the training has not seen.
    """

    def half(values: np.ndarray) -> np.ndarray:  # as they are stored, so that the limit fits them
        return values.astype(np.float16).astype(np.float32)

    mean, scale = half(features.mean(0)), half(np.maximum(features.std(0), SMALLEST_SCALE))
    _, singular, directions = np.linalg.svd((features - mean) / scale, full_matrices=False)
    variances = singular**2 / len(features)
    kept = min(COMPONENTS, len(variances) - 1)
    residual = max(float(variances[kept:].sum()) / (features.shape[1] - kept), 1e-3)
    spread = np.sqrt(np.maximum(variances[:kept], residual))
    basis = half(directions[:kept] / spread[:, None])
    fitted = OutOfDistributionDetector(mean, scale, basis, residual, limit=np.inf)
    known = [case_distance(fitted.distances(case)) for case in validation]
    return OutOfDistributionDetector(mean, scale, basis, residual, limit=float(np.percentile(known, PERCENTILE)))
