"""The networks whose speed is compared: ours, and what a user would pick instead, each from its own package.

All take one grey channel and are untrained, which makes no difference to speed. Ours segment one structure and
classify three diagnoses; the others segment one structure against a background, without a diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the names alone are wanted by programs that do without PyTorch
    from torch import nn

ONNX = "small, ONNX Runtime"


def small(side: int) -> nn.Module:
    return _ours("small")


def base(side: int) -> nn.Module:
    return _ours("base")


def nnunet(side: int) -> nn.Module:
    """nnU-Net's own 2D plan for large slices (Isensee et al., Nature Methods 18:203, 2021): 7 stages, 32..512."""
    from dynamic_network_architectures.architectures.unet import PlainConvUNet
    from torch import nn

    return PlainConvUNet(
        input_channels=1,
        n_stages=7,
        features_per_stage=(32, 64, 128, 256, 512, 512, 512),
        conv_op=nn.Conv2d,
        kernel_sizes=3,
        strides=(1, 2, 2, 2, 2, 2, 2),
        n_conv_per_stage=2,
        num_classes=2,
        n_conv_per_stage_decoder=2,
        conv_bias=True,
        norm_op=nn.InstanceNorm2d,
        norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU,
        nonlin_kwargs={"inplace": True},
        deep_supervision=False,
    )


def basic_unet(side: int) -> nn.Module:
    from monai.networks.nets import BasicUNet

    return BasicUNet(spatial_dims=2, in_channels=1, out_channels=2)


def swin_unetr(side: int) -> nn.Module:
    from monai.networks.nets import SwinUNETR

    return SwinUNETR(spatial_dims=2, in_channels=1, out_channels=2, feature_size=24)


def unetr(side: int) -> nn.Module:
    from monai.networks.nets import UNETR

    return UNETR(spatial_dims=2, in_channels=1, out_channels=2, img_size=(side, side))


def unet_resnet34(side: int) -> nn.Module:
    import segmentation_models_pytorch

    return segmentation_models_pytorch.Unet("resnet34", encoder_weights=None, in_channels=1, classes=2)


OURS = {"small": small, "base": base}
PEERS = {
    "nnU-Net 2D": nnunet,
    "MONAI SwinUNETR": swin_unetr,
    "MONAI BasicUNet": basic_unet,
    "MONAI UNETR": unetr,
    "smp Unet-ResNet34": unet_resnet34,
}
SHOWN = ("small", ONNX, "base", *PEERS)  # the order in tables and pictures
NETWORKS: dict[str, Callable[[int], nn.Module]] = {**OURS, **PEERS}


def build(name: str, side: int) -> nn.Module:
    """The network for inference on slices of `side` x `side` pixels.

    Raises ImportError, or RuntimeError of a package that does not fit PyTorch, when it cannot be had here.
    """
    return NETWORKS[name](side).eval()


def _ours(preset: str) -> nn.Module:
    from resformer_unet.model.network import NetworkConfig, ResFormerUNet

    return ResFormerUNet(getattr(NetworkConfig, preset)(in_channels=1, segments=1, diagnoses=3))
