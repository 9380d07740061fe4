"""What every backend does: it runs a network on batches of slices, on some device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from resformer_unet.errors import EngineError

Pooling = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class NetworkOutput:
    """Predictions for a batch of slices.

    Attributes:
        masks: float32 (n, channels, height, width), probabilities at the network's input size, or ``None``.
        diagnosis: float32 (n, diagnoses), logits, or ``None``.
        features: float32 (passes, n, features), pooled encoder features, see :mod:`.inference.out_of_distribution`:
            those of the slices as they are and, with transpose TTA, of their transposes. ``None`` unless they were
            asked for.
    """

    masks: np.ndarray | None
    diagnosis: np.ndarray | None
    features: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.diagnosis if self.masks is None else self.masks)


class NoRoomForNetwork(MemoryError):
    """There is no memory for the network itself; fewer slices at a time do not help."""


class Backend(Protocol):
    """Runs a network.

    Attributes:
        name: with its version, for instance ``PyTorch 2.13.0``.
        device: where the network is now, for instance ``cuda:0``; description: its name to show.
        batch_size: suitable number of slices at a time on this device.
    """

    name: str
    device: object
    description: str
    batch_size: int

    def reset(self) -> None:
        """Go back to the wanted device: memory may have been freed there since the last image."""

    def predict(self, batch: np.ndarray, transpose_tta: bool = False, pool: Pooling | None = None) -> NetworkOutput:
        """Run the network on float32 (n, channels, height, width).

        Args:
            transpose_tta: transpose test-time augmentation: average the predictions of each slice and of its transpose,
                so that the orientation of a picture does not matter; needs a square input.
            pool: reduces the features of the encoder's middle levels, (n, channels, rows, columns) each, to
                (n, channels) each, where the network is: NumPy arrays or PyTorch tensors. Without it, no features are
                returned. It is given those of a transpose transposed back.

        Raises:
            EngineError: NETWORK_NOT_FINITE.
            MemoryError: when there is no memory for so many slices.
        """

    def fall_back_to_cpu(self) -> bool:
        """Continue on the CPU, which has more memory; false if the network is there already."""


def not_finite() -> EngineError:
    return EngineError(
        "NETWORK_NOT_FINITE",
        "The network's output contains values that are not finite.",
        "The model is damaged or its training diverged: get or train it again, or choose another.",
    )
