"""Other forms of the network's parts, beside the shipped ones: does a part pay that does not in its own form?

All start with the full network's pretrained weights. What they add is zero at the first step, but for the form whose
Transformer is not.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resformer_unet.model.network import (
    Attention,
    ClassificationHead,
    DilatedFeatureEnhancement,
    NetworkConfig,
    ResFormerUNet,
    Transformer,
    zeroed,
)


def transformers(network: ResFormerUNet) -> list[Transformer]:
    return [transformer for block in network.encoder for transformer in block.context]


class BiasedAttention(Attention):
    """Adds to the similarity of two pixels what a small network makes of their distance, for each head.

    The continuous relative position bias of Liu et al.: Swin Transformer V2, CVPR 2022, arXiv:2111.09883.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads, pooling=1)
        self.bias = nn.Sequential(nn.Linear(2, 64), nn.ReLU(inplace=True), zeroed(nn.Linear(64, heads)))

    def forward(self, tokens: Tensor, rows: int, columns: int) -> Tensor:
        split = (*tokens.shape[:2], self.heads, -1)
        parts = (self.queries(tokens), *self.keys_values(tokens).chunk(2, dim=-1))
        queries, keys, values = (part.reshape(split).transpose(1, 2) for part in parts)
        places = torch.cartesian_prod(*(torch.arange(n, device=tokens.device) for n in (rows, columns)))
        distances = (places[:, None] - places[None]).to(tokens.dtype)  # (pixels, pixels, 2)
        bias = self.bias(distances.sign() * distances.abs().log1p()).permute(2, 0, 1)
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=bias)
        return self.output(mixed.transpose(1, 2).reshape(tokens.shape))


class RelativePositions(ResFormerUNet):
    """Attention knows the distance of two pixels, beside the positions that the convolution encodes."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        for transformer in transformers(self):
            before = transformer.attention
            transformer.attention = BiasedAttention(before.queries.in_features, before.heads)
            transformer.attention.load_state_dict(before.state_dict(), strict=False)


class StartedTransformer(ResFormerUNet):
    """The Transformers' branches start with random weights as all other layers, not at zero."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        for transformer in transformers(self):
            for layer in (transformer.position, transformer.attention.output, transformer.mlp[-1]):
                layer.reset_parameters()


class SelectiveEnhancement(DilatedFeatureEnhancement):
    """Each image and channel weights the three dilations by what they found.

    As Li et al.: Selective Kernel Networks, CVPR 2019, arXiv:1903.06586.
    """

    def __init__(self, width: int, dilations: tuple[int, int, int]) -> None:
        super().__init__(width, dilations)
        channels = self.fuse[0].in_channels
        self.select = zeroed(nn.Linear(channels // 3, channels))

    def forward(self, x: Tensor) -> Tensor:
        found = torch.stack([branch(x) for branch in self.branches], dim=1)  # (batch, 3, channels, rows, columns)
        weights = 3 * self.select(found.sum(1).mean((2, 3))).view(found.shape[:3]).softmax(1)  # all 1 at first
        return F.relu(x + self.fuse((found * weights[..., None, None]).flatten(1, 2)))


class LearnedDilation(ResFormerUNet):
    """Skips enhanced by ``SelectiveEnhancement``."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        for level, skip in enumerate(self.skips):
            self.skips[level] = SelectiveEnhancement(config.widths[level], config.dilations)
            self.skips[level].load_state_dict(skip.state_dict(), strict=False)


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
BY_CLASS = {
    "DFE with learned dilation": LearnedDilation,
    "relative position bias": RelativePositions,
    "Transformer not zero at first": StartedTransformer,
    "skips gated by the Transformer": GatedSkips,
    "tasks share attention": SharedAttention,
}
FORMS = (*BY_CONFIGURATION, *BY_CLASS)


def build_form(form: str, **tasks) -> ResFormerUNet:
    """A network by its name in ``FORMS``; ``tasks`` as of ``build_network``."""
    config = NetworkConfig.small(**{**tasks, **BY_CONFIGURATION.get(form, {})})
    return BY_CLASS.get(form, ResFormerUNet)(config)
