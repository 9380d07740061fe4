"""Where in an image a diagnosis comes from.

The classification head sees several encoder levels, each through the mean and the maximum of its features over the
image. For each level, HiResCAM multiplies the features with the gradient of the diagnosis with respect to them, element
by element, and sums over the channels:

    Draelos, Carin: Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks.
    arXiv:2011.08891, 2020.

The gradient is taken through the head alone, so that the levels' maps are what each of them adds to the diagnosis, and
may be added up. Explained is the logarithm of the diagnosis's probability, so that what speaks for another diagnosis
counts against this one; only what speaks for it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .inference import SliceRunner
from .network import ResFormerUNet
from .preprocess import PreparedImage

METHOD = "HiResCAM at each encoder level that the diagnosis is read from, added up"
CITATION = (
    "Draelos, Carin: Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks. "
    "arXiv:2011.08891, 2020."
)


@dataclass(frozen=True)
class Explanation:
    """Where in an image a diagnosis comes from.

    Attributes:
        saliency: float32 (slices, rows, columns) on the image's grid: 0 where nothing speaks for the diagnosis, 1
            where most does in all the image; 0 in slices that were left out.
        diagnosis: id of the diagnosis that is explained.
        method, citation: how the map was made, and the paper to cite.
    """

    saliency: np.ndarray
    diagnosis: str
    method: str = METHOD
    citation: str = CITATION


def slice_saliency(network: ResFormerUNet, batch: Tensor, diagnosis: int, both_ways: bool = False) -> Tensor:
    """What in each slice speaks for a diagnosis.

    Args:
        batch: float32 (n, channels, height, width), where the network is.
        diagnosis: its index among the network's outputs.
        both_ways: as in :func:`.inference.forward`.

    Returns:
        float32 (n, height, width), at least 0, in the same unit for all slices.
    """
    saliency = _signed_saliency(network, batch, diagnosis)
    if both_ways:
        turned = _signed_saliency(network, batch.transpose(2, 3), diagnosis)
        saliency = (saliency + turned.transpose(1, 2)) / 2
    return saliency.relu()


def _signed_saliency(network: ResFormerUNet, batch: Tensor, diagnosis: int) -> Tensor:
    with torch.no_grad():
        features = network.encode(batch.contiguous(memory_format=torch.channels_last))
        masks = network.decode(features) if network.config.segments else None
    with torch.enable_grad():
        features = [x.detach().requires_grad_() for x in features]
        seen = [features[level] for level in network.head_levels]
        confidence = network.diagnose(features, masks).log_softmax(1)[:, diagnosis].sum()
        gradients = torch.autograd.grad(confidence, seen)
    total = batch.new_zeros(len(batch), 1, *batch.shape[2:])
    for level, gradient in zip(seen, gradients, strict=True):
        # Each pixel of a level stands for an area of the image: its share of the sum is spread over that area.
        contribution = (level.detach() * gradient).sum(1, keepdim=True)
        contribution = contribution * (contribution[0].numel() / total[0].numel())
        total += F.interpolate(contribution, batch.shape[2:], mode="bilinear", align_corners=False)
    return total[:, 0]


def image_saliency(
    runner: SliceRunner,
    prepared: PreparedImage,
    diagnosis: int,
    *,
    both_ways: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> np.ndarray:
    """What in an image speaks for a diagnosis, float32 (slices, rows, columns), 0 to 1, on the image's own grid.

    One scale holds for all slices, so that they can be compared. Beside the result, only a batch of slices is held.

    Raises:
        Cancelled, MemoryError: as :meth:`.inference.SliceRunner.run`.
    """
    saliency = np.zeros(prepared.image.shape, np.float32)
    slices = prepared.layout.stack(saliency)[prepared.slices]

    def explain(network: ResFormerUNet, batch: Tensor) -> Tensor:
        return slice_saliency(network, batch, diagnosis, both_ways).cpu()

    for first, maps in runner.batches(prepared, explain, progress, cancelled):
        for index, one in enumerate(maps, start=first):
            slices[index] = prepared.letterbox.inverse(one[None, None])[0, 0].numpy()
    highest = saliency.max()
    if highest > 0:
        saliency /= highest
    return saliency
