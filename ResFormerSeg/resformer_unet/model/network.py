"""ResFormer-UNet: a U-Net with a convolution-and-Transformer encoder for segmentation and diagnosis.

The structure follows the abstract of

    Bui, Le, Bum, Choo: Multi-scale Feature Enhancement in Multi-task Learning for Medical Image Analysis.
    arXiv:2412.00351, 2024.

an encoder of ResFormer blocks (residual convolutions for local context joined with a Transformer for long-range
dependencies), a classification head on several encoder levels, a dilated feature enhancement (DFE) module on every
skip connection, and a U-Net decoder. The paper's code is not public: depths, widths, dilation rates and every other
number here are this project's choices, not the paper's.

Building blocks from elsewhere:
    inverted residual block     Sandler et al.: MobileNetV2, CVPR 2018, arXiv:1801.04381, in the widths, depths and
                                paddings of EfficientNet-Lite (Tan and Le, ICML 2019, arXiv:1905.11946), whose
                                ImageNet weights fit
    Transformer block           Dosovitskiy et al., ICLR 2021, arXiv:2010.11929 (pre-norm)
    pooled keys and values      Wang et al., PVT v2, 2022, arXiv:2106.13797
    conditional positions       Chu et al., CPVT, ICLR 2023, arXiv:2102.10882
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resformer_unet.model.network_config import NetworkConfig, Stage


class Logits(NamedTuple):
    """Output of the network; a task that is switched off gives ``None``.

    ``features`` are those of the encoder's middle levels, see ``NetworkConfig.feature_levels``: for each of these
    levels (batch, widths[l], rows / 2**(l + 1), columns / 2**(l + 1)), rounded up.
    """

    segmentation: Tensor | None  # (batch, segmentation_channels, rows, columns)
    diagnosis: Tensor | None  # (batch, diagnoses)
    features: tuple[Tensor, ...] = ()


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU; keeps rows and columns (divided by the stride, rounded up)."""
    padding = dilation * (size // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class SamePaddedConvolution(nn.Conv2d):
    """Pads as TensorFlow's "same", as the pretrained weights expect; the output has ceil(size / stride) pixels.

    With a stride of 2 an even size is padded by one pixel more at the bottom and right than at the top and left.
    """

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        size, stride = self.kernel_size[0], self.stride[0]
        rows, columns = (max(size - (length % stride or stride), 0) for length in x.shape[2:])
        if rows == columns and rows % 2 == 0:  # the padding that a convolution does itself is faster
            return F.conv2d(x, self.weight, None, stride, rows // 2, groups=self.groups)
        around = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
        return F.conv2d(F.pad(x, around), self.weight, None, stride, groups=self.groups)


def normalisation(width: int) -> nn.BatchNorm2d:
    """Batch normalisation with the epsilon of the pretrained weights."""
    return nn.BatchNorm2d(width, eps=1e-3)


class InvertedResidual(nn.Module):
    """Local context: wide depthwise convolution between two narrow ends, beside an identity path where sizes agree."""

    def __init__(self, inputs: int, stage: Stage, stride: int) -> None:
        super().__init__()
        inner = stage.expansion * inputs
        self.expand = (
            nn.Sequential(nn.Conv2d(inputs, inner, 1, bias=False), normalisation(inner), nn.ReLU6(inplace=True))
            if stage.expansion > 1
            else nn.Identity()
        )
        self.depthwise = nn.Sequential(
            SamePaddedConvolution(inner, inner, stage.kernel, stride, groups=inner),
            normalisation(inner),
            nn.ReLU6(inplace=True),
        )
        self.project = nn.Sequential(nn.Conv2d(inner, stage.width, 1, bias=False), normalisation(stage.width))
        self.identity = stride == 1 and inputs == stage.width

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.identity else y


def zeroed(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """The layer with all parameters at zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Attention(nn.Module):
    """Multi-head self-attention with queries from all pixels, keys and values from averages over small windows."""

    def __init__(self, width: int, heads: int, pooling: int) -> None:
        super().__init__()
        self.heads, self.pooling = heads, pooling
        self.queries = nn.Linear(width, width)
        self.keys_values = nn.Linear(width, 2 * width)
        self.output = zeroed(nn.Linear(width, width))

    def forward(self, tokens: Tensor, rows: int, columns: int) -> Tensor:
        batch, count, width = tokens.shape
        source = tokens
        if self.pooling > 1:
            grid = tokens.transpose(1, 2).reshape(batch, width, rows, columns)
            grid = F.avg_pool2d(grid, self.pooling, ceil_mode=True, count_include_pad=False)
            source = grid.flatten(2).transpose(1, 2)  # (batch, count / pooling**2, width)
        split = (batch, -1, self.heads, width // self.heads)
        queries = self.queries(tokens).view(split).transpose(1, 2)  # (batch, heads, count, width / heads)
        keys, values = (x.reshape(split).transpose(1, 2) for x in self.keys_values(source).chunk(2, dim=-1))
        mixed = F.scaled_dot_product_attention(queries, keys, values)
        return self.output(mixed.transpose(1, 2).reshape(batch, count, width))


class Transformer(nn.Module):
    """Long-range dependencies: position encoding, then pre-norm attention and MLP, each beside an identity path.

    The last layer of each branch starts at zero, so that a new Transformer leaves pretrained features as they are.
    """

    def __init__(self, width: int, heads: int, pooling: int, mlp_ratio: int, dropout: float) -> None:
        super().__init__()
        # A depthwise convolution encodes positions by the zero padding at the border, at any input size.
        self.position = zeroed(nn.Conv2d(width, width, 3, padding=1, groups=width))
        self.attention_norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads, pooling)
        self.mlp_norm = nn.LayerNorm(width)
        inner = mlp_ratio * width
        self.mlp = nn.Sequential(nn.Linear(width, inner), nn.GELU(), zeroed(nn.Linear(inner, width)))
        # Only on the branches' outputs: inside the attention it would rule out the fused kernel.
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        batch, width, rows, columns = x.shape
        x = x + self.position(x)
        tokens = x.flatten(2).transpose(1, 2)  # (batch, rows * columns, width)
        tokens = tokens + self.dropout(self.attention(self.attention_norm(tokens), rows, columns))
        tokens = tokens + self.dropout(self.mlp(self.mlp_norm(tokens)))
        return tokens.transpose(1, 2).reshape(batch, width, rows, columns)


class ResFormerBlock(nn.Module):
    """One encoder level: residual convolutions, of which the first halves the resolution, then Transformer blocks.

    The first level has the stem before it, which halves the resolution instead.
    """

    def __init__(self, config: NetworkConfig, level: int) -> None:
        super().__init__()
        inputs, stride = (config.widths[level - 1], 2) if level else (config.stem, 1)
        self.local = nn.Sequential()
        for stage in config.levels[level]:
            for _ in range(stage.blocks):
                self.local.append(InvertedResidual(inputs, stage, stride))
                inputs, stride = stage.width, 1
        transformers = config.transformers[level] if config.transformer else 0
        settings = (config.heads[level], config.pooling[level], config.mlp_ratio, config.dropout)
        self.context = nn.Sequential(*(Transformer(inputs, *settings) for _ in range(transformers)))

    def forward(self, x: Tensor) -> Tensor:
        return self.context(self.local(x))


class DilatedFeatureEnhancement(nn.Module):
    """DFE: three parallel dilated convolutions see a skip's features at three scales; fused beside an identity path."""

    def __init__(self, width: int, dilations: tuple[int, int, int]) -> None:
        super().__init__()
        branch = max(width // 4, 4)
        self.branches = nn.ModuleList(convolution(width, branch, dilation=dilation) for dilation in dilations)
        self.fuse = nn.Sequential(nn.Conv2d(3 * branch, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.fuse(torch.cat([branch(x) for branch in self.branches], dim=1)))


class DecoderBlock(nn.Module):
    """Enlarges the deeper features to the skip's size and merges the two."""

    def __init__(self, deeper: int, width: int) -> None:
        super().__init__()
        self.reduce = convolution(deeper, width, size=1)
        self.merge = convolution(2 * width, width)

    def forward(self, deeper: Tensor, skip: Tensor) -> Tensor:
        deeper = F.interpolate(self.reduce(deeper), size=skip.shape[2:], mode="bilinear", align_corners=False)
        return self.merge(torch.cat([deeper, skip], dim=1))


def pool_to(masks: Tensor, rows: int, columns: int) -> Tensor:
    """As ``F.adaptive_avg_pool2d``, in operators that ONNX has too where the windows are not all of one size."""
    height, width = masks.shape[2:]
    if height % rows == 0 and width % columns == 0:
        return F.avg_pool2d(masks, (height // rows, width // columns))
    over_rows, over_columns = (
        torch.tensor(window_means(*lengths), device=masks.device) for lengths in ((height, rows), (width, columns))
    )
    return over_rows @ masks @ over_columns.T  # (batch, segments, rows, columns)


def window_means(length: int, count: int) -> list[list[float]]:
    """The matrix (count, length) that averages over ``count`` windows, overlapping where they do not divide."""
    matrix = []
    for index in range(count):
        start, stop = index * length // count, -(-(index + 1) * length // count)
        matrix.append([1 / (stop - start) if start <= place < stop else 0.0 for place in range(length)])
    return matrix


class ClassificationHead(nn.Module):
    """Diagnosis from the mean and the maximum over the image of several levels' features.

    A mask-guided head also takes the mean over each segment of each level's features, how large each segment is and
    the highest probability in it. No gradient goes back through the masks, so that the diagnosis does not distort them.
    """

    def __init__(self, widths: tuple[int, ...], diagnoses: int, dropout: float, segments: int = 0) -> None:
        super().__init__()
        hidden = 96
        sizes = [(2 + segments) * width for width in widths]
        self.levels = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(size), nn.Linear(size, hidden), nn.GELU()) for size in sizes
        )
        self.mask_statistics = nn.Sequential(nn.Linear(2 * segments, hidden), nn.GELU()) if segments else None
        parts = len(widths) + bool(segments)
        self.classify = nn.Sequential(nn.Dropout(2 * dropout), nn.Linear(hidden * parts, diagnoses))

    def forward(self, features: list[Tensor], masks: Tensor | None = None) -> Tensor:
        hidden = []
        for level, x in zip(self.levels, features, strict=True):
            pooled = [x.mean((2, 3)), x.amax((2, 3))]
            if self.mask_statistics is not None:
                weights = pool_to(masks, *x.shape[2:]).flatten(2)  # (batch, segments, pixels)
                sums = weights @ x.flatten(2).transpose(1, 2)  # (batch, segments, width)
                pooled.append((sums / (weights.sum(2, keepdim=True) + 0.1)).flatten(1))
            hidden.append(level(torch.cat(pooled, dim=1)))
        if self.mask_statistics is not None:
            area, certainty = masks.mean((2, 3)), masks.amax((2, 3))
            hidden.append(self.mask_statistics(torch.cat([(area + 1e-4).log() / 4, certainty], dim=1)))
        return self.classify(torch.cat(hidden, dim=1))  # (batch, diagnoses)


class ResFormerUNet(nn.Module):
    """Segmentation and diagnosis logits of images, with the encoder features for out-of-distribution detection.

    Input: (batch, in_channels, rows, columns), any rows and columns of at least 32, scaled as ``input.intensity`` of
    the bundle's descriptor states.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.stem = nn.Sequential(
            SamePaddedConvolution(config.in_channels, config.stem, 3, stride=2),
            normalisation(config.stem),
            nn.ReLU6(inplace=True),
        )
        self.encoder = nn.ModuleList(ResFormerBlock(config, level) for level in range(len(widths)))
        if config.diagnoses:
            # The finest two levels hold edges and texture of single pixels: too local for a diagnosis.
            self.head_levels = range(min(2, len(widths) - 1), len(widths)) if config.multi_level_head else [-1]
            head_widths = tuple(widths[level] for level in self.head_levels)
            mask_segments = config.segments if config.mask_guided else 0
            self.classification = ClassificationHead(head_widths, config.diagnoses, config.dropout, mask_segments)
        if config.segments:
            self.skips = nn.ModuleList(
                DilatedFeatureEnhancement(width, config.dilations) if config.dfe else nn.Identity()
                for width in widths[:-1]
            )
            self.decoder = nn.ModuleList(
                DecoderBlock(deeper, width) for width, deeper in zip(widths[:-1], widths[1:], strict=True)
            )
            self.segmentation = nn.Conv2d(widths[0], config.segmentation_channels, 1)

    def forward(self, image: Tensor) -> Logits:
        features = self.encode(image)
        logits = self.decode(features) if self.config.segments else None
        diagnosis = self.diagnose(features, logits) if self.config.diagnoses else None
        if logits is not None:
            logits = F.interpolate(logits, size=image.shape[2:], mode="bilinear", align_corners=False)
        return Logits(logits, diagnosis, tuple(features[level] for level in self.config.feature_levels))

    def encode(self, image: Tensor) -> list[Tensor]:
        """Features of each level (batch, widths[l], rows / 2**(l + 1), columns / 2**(l + 1)), rounded up."""
        features, x = [], self.stem(image)  # (batch, stem, rows / 2, columns / 2), rounded up
        for block in self.encoder:
            x = block(x)
            features.append(x)
        return features

    def decode(self, features: list[Tensor]) -> Tensor:
        """Segmentation logits (batch, segmentation_channels, rows / 2, columns / 2)."""
        x = features[-1]
        for skip, enhance, merge in zip(features[-2::-1], self.skips[::-1], self.decoder[::-1], strict=True):
            x = merge(x, enhance(skip))
        return self.segmentation(x)

    def diagnose(self, features: list[Tensor], segmentation: Tensor | None) -> Tensor:
        """Diagnosis logits (batch, diagnoses), guided by the decoder's segmentation logits where the network is."""
        masks = None
        if segmentation is not None and self.config.mask_guided:
            masks = segmentation.detach()
            masks = masks.softmax(1)[:, 1:] if self.config.exclusive else masks.sigmoid()
        return self.classification([features[level] for level in self.head_levels], masks)
