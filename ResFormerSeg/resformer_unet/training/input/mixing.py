"""Mixing the pictures of a batch in pairs, for a diagnosis that is less sure of itself.

Zhang et al.: mixup: Beyond Empirical Risk Minimization. ICLR 2018, arXiv:1710.09412. Yun et al.: CutMix: Regularization
Strategy to Train Strong Classifiers with Localizable Features. ICCV 2019, arXiv:1905.04899.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from resformer_unet.training.setup.augmentation import Augmentation

BETA = 0.4  # both parameters of the beta distribution of the shares in mixup
CUT = (0.1, 0.5)  # share of a picture's area that CutMix replaces


@dataclass(frozen=True)
class Mixture:
    """A batch whose pictures each have a share of their own and the rest of another picture.

    Attributes:
        images: (n, channels, H, W); masks: (n, segments, H, W), of 0 to 1; has_mask: bool (n,), of both.
        labels, other_labels: int64 (n,), of the picture itself and of the other one.
        share: of the picture itself, 0 to 1.
    """

    images: Tensor
    masks: Tensor
    has_mask: Tensor
    labels: Tensor
    other_labels: Tensor
    share: float


def mix(images: Tensor, masks: Tensor, has_mask: Tensor, labels: Tensor, settings: Augmentation) -> Mixture:
    """The batch, mixed by one of both methods or, in most cases, as it is; draws from torch's own random numbers."""
    drawn = torch.rand(()).item() if settings.mixup or settings.cutmix else 1.0
    if drawn < settings.mixup:
        share = torch.distributions.Beta(BETA, BETA).sample().item()
        images, masks = (share * x + (1 - share) * x.roll(1, 0) for x in (images, masks))
    elif drawn < settings.mixup + settings.cutmix:
        rows, columns = _rectangle(images.shape[2], images.shape[3])
        images, masks = images.clone(), masks.clone()
        for x in (images, masks):
            x[:, :, rows, columns] = x[:, :, rows, columns].roll(1, 0)
        replaced = (rows.stop - rows.start) * (columns.stop - columns.start)
        share = 1 - replaced / (images.shape[2] * images.shape[3])
    else:
        return Mixture(images, masks, has_mask, labels, labels, 1.0)
    return Mixture(images, masks, has_mask & has_mask.roll(1, 0), labels, labels.roll(1, 0), share)


def _rectangle(height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a rectangle of the picture's proportions."""
    area, top, left = (torch.rand(3) * torch.tensor([CUT[1] - CUT[0], 1, 1]) + torch.tensor([CUT[0], 0, 0])).tolist()
    rows, columns = (max(1, round(length * area**0.5)) for length in (height, width))
    first, begin = round(top * (height - rows)), round(left * (width - columns))
    return slice(first, first + rows), slice(begin, begin + columns)
