"""The networks that the ablation compares: ResFormer-UNet with one part taken away or changed, and two U-Nets."""

from __future__ import annotations

from monai.networks.nets import DynUNet
from torch import Tensor, nn

from ablation_forms import FORMS, build_form
from resformer_unet.model.network import ClassificationHead, Logits, NetworkConfig, ResFormerUNet

FULL = "full network"
# What each variant changes in its configuration.
OF_THE_FULL_NETWORK = {
    FULL: {},
    "without Transformer": {"transformer": False},
    "without DFE": {"dfe": False},
    "diagnosis from the last level": {"multi_level_head": False},
    "diagnosis without the mask": {"mask_guided": False},
    "segmentation alone": {"diagnoses": 0},
    "diagnosis alone": {"segments": 0},
    "random initial weights": {},
    # U-Net (Ronneberger et al., MICCAI 2015, arXiv:1505.04597) on the same pretrained convolutions.
    "plain U-Net": {"transformer": False, "dfe": False, "multi_level_head": False, "mask_guided": False},
}
NNUNET = "nnU-Net 2D"
VARIANTS = (*OF_THE_FULL_NETWORK, NNUNET, *FORMS)
WITHOUT_PRETRAINING = ("random initial weights", NNUNET)
NNUNET_WIDTHS = (16, 32, 64, 128, 256)  # half of nnU-Net's own, for a budget of the same order


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


def build_network(variant: str, **tasks) -> nn.Module:
    """A network by its name in ``VARIANTS``; ``tasks`` are ``in_channels``, ``segments``, ``diagnoses``, ``exclusive``.

    Each has ``config``, takes images as ResFormer-UNet does and gives ``Logits``.
    """
    if variant == NNUNET:
        return NNUNet(NetworkConfig.small(**tasks))
    if variant in FORMS:
        return build_form(variant, **tasks)
    return ResFormerUNet(NetworkConfig.small(**{**tasks, **OF_THE_FULL_NETWORK[variant]}))
