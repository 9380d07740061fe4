"""Time of a forward pass beside the full network's, in processor time, so that it holds on a busy computer too."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor, nn

ROUNDS = 12


@torch.inference_mode()
def forward_time(network: nn.Module, full: nn.Module, channels: int, rows: int, columns: int) -> tuple[float, float]:
    """Milliseconds for one image, and the multiple of the full network's; medians over rounds in which both run."""
    image = torch.rand(1, channels, rows, columns).to(memory_format=torch.channels_last)
    pair = [each.eval().to(memory_format=torch.channels_last) for each in (network, full)]
    for each in pair:
        each(image)
    taken = [[_milliseconds(each, image) for each in pair] for _ in range(ROUNDS)]
    return statistics.median(own for own, _ in taken), statistics.median(own / other for own, other in taken)


def _milliseconds(network: nn.Module, image: Tensor) -> float:
    start = time.process_time()
    network(image)
    return 1000 * (time.process_time() - start)
