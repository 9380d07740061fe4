"""Other forms of the network's parts, beside the shipped ones: does a part pay that does not in its own form?

All start as the full network with its pretrained weights: what they add is zero at the first step.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resformer_unet.model.network import ClassificationHead, NetworkConfig, ResFormerUNet, Transformer, zeroed


class GatedSkips(ResFormerUNet):
    """Each skip is weighted, pixel by pixel, by a gate from the deepest Transformer's output.

    As the attention gates of Oktay et al.: Attention U-Net. arXiv:1804.03999, 2018, but from the deepest level alone.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.gates = nn.ModuleList(zeroed(nn.Conv2d(config.widths[-1], width, 1)) for width in config.widths[:-1])

    def decode(self, features: list[Tensor]) -> Tensor:
        *skips, deepest = features
        gated = [skip * _enlarged(gate(deepest), skip) for skip, gate in zip(skips, self.gates, strict=True)]
        return super().decode([*gated, deepest])


def _enlarged(gate: Tensor, skip: Tensor) -> Tensor:
    return 2 * F.interpolate(gate, size=skip.shape[2:], mode="bilinear", align_corners=False).sigmoid()  # 1 at first


class TokenTransformer(Transformer):
    """A Transformer block for tokens (batch, count, width), of which not all have a place in the image."""

    def __init__(self, width: int, heads: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__(width, heads, 1, mlp_ratio, dropout)
        del self.position

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.dropout(self.attention(self.attention_norm(tokens), 1, tokens.shape[1]))
        return tokens + self.dropout(self.mlp(self.mlp_norm(tokens)))


class SharedAttention(ResFormerUNet):
    """A diagnosis token and the deepest level's pixels attend to each other before decoder and head: the tasks mix.

    The token as the class token of Dosovitskiy et al., ICLR 2021, arXiv:2010.11929; the head takes it as another level.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        width = config.widths[-1]
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        # Two blocks: with the first the token sees the pixels, with the second they see what it made of them.
        settings = (width, config.heads[-1], config.mlp_ratio, config.dropout)
        self.exchange = nn.Sequential(*(TokenTransformer(*settings) for _ in range(2)))
        self.head_levels = [*self.head_levels, len(config.widths)]
        widths = tuple([*config.widths, width][level] for level in self.head_levels)
        masked = config.segments if config.mask_guided else 0
        self.classification = ClassificationHead(widths, config.diagnoses, config.dropout, masked)

    def encode(self, image: Tensor) -> list[Tensor]:
        """As the full network's, with the token (batch, widths[-1], 1, 1) as one more level."""
        *finer, deepest = super().encode(image)
        pixels = deepest.flatten(2).transpose(1, 2)  # (batch, rows * columns, width)
        token = self.token.expand(len(pixels), -1, -1)
        token, pixels = self.exchange(torch.cat([token, pixels], dim=1)).split([1, pixels.shape[1]], dim=1)
        return [*finer, pixels.transpose(1, 2).reshape_as(deepest), token.transpose(1, 2).unsqueeze(3)]

    def decode(self, features: list[Tensor]) -> Tensor:
        return super().decode(features[:-1])


# What each form changes in the full network's configuration.
BY_CONFIGURATION = {
    "attention at 1/8 as well": {"transformers": (0, 0, 1, 1, 2), "heads": (1, 1, 4, 4, 6)},
    "DFE with dilations 1, 3, 6": {"dilations": (1, 3, 6)},
}
BY_CLASS = {"skips gated by the Transformer": GatedSkips, "tasks share attention": SharedAttention}
FORMS = (*BY_CONFIGURATION, *BY_CLASS)


def build_form(form: str, **tasks) -> ResFormerUNet:
    """A network by its name in ``FORMS``; ``tasks`` as of ``build_network``."""
    config = NetworkConfig.small(**{**tasks, **BY_CONFIGURATION.get(form, {})})
    return BY_CLASS.get(form, ResFormerUNet)(config)
