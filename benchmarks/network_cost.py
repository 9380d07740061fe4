"""Parameters and multiply-accumulates of a network."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode


def network_cost(network: nn.Module, channels: int, rows: int, columns: int) -> tuple[int, float]:
    """Parameters, and GMAC of one forward pass for an image of that size; the network is left as it was."""
    was_training = network.training
    image = torch.zeros(1, channels, rows, columns, device=next(network.parameters()).device)
    # The fused attention kernel of the CPU is unknown to the counter; the plain one does the same sums.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        network.eval()(image)
    network.train(was_training)
    return sum(parameter.numel() for parameter in network.parameters()), counter.get_total_flops() / 2e9
