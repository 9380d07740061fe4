"""Temperature scaling: one parameter that calibrates the probabilities.

Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks. ICML 2017, arXiv:1706.04599.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from torch import Tensor

from resformer_unet.inference.backends.pytorch import forward
from resformer_unet.model.network import ResFormerUNet

SPREAD = 0.5  # standard deviation of the prior of the temperature's logarithm around 0


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Maximum a posteriori temperature in 0.2...10, with a log-normal prior around 1.

    Without the prior, a few cases that are all predicted correctly would drive the temperature to its lower bound and
    every probability to 1. From a hundred cases on it hardly matters.

    Args:
        logits: (n, diagnoses); labels: int64 (n,), none unknown.
    """
    logits = logits.double()

    def loss(temperature: float) -> float:
        likelihood = F.cross_entropy(logits / temperature, labels, reduction="sum").item()
        return likelihood + (math.log(temperature) / SPREAD) ** 2 / 2

    return round(float(minimize_scalar(loss, bounds=(0.2, 10.0), method="bounded").x), 4)


def collect_logits(
    network: ResFormerUNet, images: Tensor, device: torch.device, transpose_tta: bool, batch_size: int = 32
) -> Tensor:
    """Diagnosis logits (n, diagnoses) of images (n, channels, H, W), as in prediction, on the CPU.

    Args:
        transpose_tta: as in :func:`.forward`.
    """
    network = network.to(device).eval()
    return torch.cat(
        [forward(network, x.float().to(device), transpose_tta).diagnosis.cpu() for x in images.split(batch_size)]
    )
