"""The networks that the ablation compares: ResFormer-UNet with one part taken away, and two U-Nets of others."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from monai.networks.nets import DynUNet
from torch import Tensor, nn

from resformer_unet.model.network import ClassificationHead, Logits, NetworkConfig, ResFormerUNet, convolution

# What each variant changes in the full network's configuration.
WITHOUT_A_PART = {
    "full network": {},
    "without Transformer": {"transformer": False},
    "without DFE": {"dfe": False},
    "diagnosis from the last level": {"multi_level_head": False},
    "diagnosis without the mask": {"mask_guided": False},
    "segmentation alone": {"diagnoses": 0},
    "diagnosis alone": {"segments": 0},
}
PLAIN_WIDTHS = (18, 36, 72, 144, 288)  # as many parameters as the full network, within 5 %
NNUNET_WIDTHS = (16, 32, 64, 128, 256)  # half of nnU-Net's own, for a budget of the same order


class PlainUNet(nn.Module):
    """U-Net (Ronneberger et al., MICCAI 2015, arXiv:1505.04597) with batch normalisation and a pooled classifier.

    Works at full resolution from its first level on. The classifier is ResFormer-UNet's own, on the deepest level.
    """

    def __init__(self, config: NetworkConfig, widths: tuple[int, ...] = PLAIN_WIDTHS) -> None:
        super().__init__()
        self.config = config
        inputs = (config.in_channels, *widths[:-1])
        self.encoder = nn.ModuleList(_two_convolutions(*pair) for pair in zip(inputs, widths, strict=True))
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(deeper, width, 2, 2) for deeper, width in pairs)
        self.decoder = nn.ModuleList(_two_convolutions(2 * width, width) for _, width in pairs)
        self.segmentation = nn.Conv2d(widths[0], config.segmentation_channels, 1)
        self.classification = ClassificationHead(widths[-1:], config.diagnoses, config.dropout)

    def forward(self, image: Tensor) -> Logits:
        skips, x = [], image
        for level, block in enumerate(self.encoder):
            x = block(F.max_pool2d(x, 2) if level else x)
            skips.append(x)
        diagnosis = self.classification([x])
        for enlarge, merge, skip in zip(self.enlarge, self.decoder, skips[-2::-1], strict=True):
            x = merge(torch.cat([enlarge(x), skip], dim=1))
        return Logits(self.segmentation(x), diagnosis)


class NNUNet(nn.Module):
    """nnU-Net's 2D network (Isensee et al., Nature Methods 18:203, 2021) as MONAI's DynUNet, with the same classifier.

    Only the network: nnU-Net's deep supervision, schedule and ensembles stay out, since all variants train alike.
    """

    def __init__(self, config: NetworkConfig, widths: tuple[int, ...] = NNUNET_WIDTHS) -> None:
        super().__init__()
        self.config = config
        halvings = [2] * (len(widths) - 1)
        self.network = DynUNet(
            spatial_dims=2,
            in_channels=config.in_channels,
            out_channels=config.segmentation_channels,
            kernel_size=[3] * len(widths),
            strides=[1, *halvings],
            upsample_kernel_size=halvings,
            filters=widths,
            norm_name=("INSTANCE", {"affine": True}),
        )
        self.classification = ClassificationHead(widths[-1:], config.diagnoses, config.dropout)

    def forward(self, image: Tensor) -> Logits:
        skips = [self.network.input_block(image)]
        for block in self.network.downsamples:
            skips.append(block(skips[-1]))
        x = self.network.bottleneck(skips[-1])
        diagnosis = self.classification([x])
        for block, skip in zip(self.network.upsamples, skips[::-1], strict=True):
            x = block(x, skip)
        return Logits(self.network.output_block(x), diagnosis)


VARIANTS = (*WITHOUT_A_PART, "plain U-Net", "nnU-Net 2D")


def build_network(variant: str, **tasks) -> nn.Module:
    """A network by its name in ``VARIANTS``; ``tasks`` are ``in_channels``, ``segments``, ``diagnoses``, ``exclusive``.

    Each has ``config``, takes images as ResFormer-UNet does and gives ``Logits``.
    """
    others: dict[str, Callable[[NetworkConfig], nn.Module]] = {"plain U-Net": PlainUNet, "nnU-Net 2D": NNUNet}
    if variant in others:
        return others[variant](NetworkConfig.small(**tasks))
    return ResFormerUNet(NetworkConfig.small(**{**tasks, **WITHOUT_A_PART[variant]}))


def _two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(convolution(inputs, outputs), convolution(outputs, outputs))
