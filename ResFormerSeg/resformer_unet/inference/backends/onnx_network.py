"""The network of :mod:`.model.network` in the ONNX format, made from a model's weights without PyTorch.

PyTorch's own exporter takes half a minute, depends on three packages and would have to be run for every model; this
takes a moment whenever a model is loaded. What both give is compared in the tests, for each part of the network.
Batch normalisation is folded into the convolutions, and the scale of the attention into its queries.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from resformer_unet.inference.backends.onnx_writer import OnnxWriter
from resformer_unet.inference.out_of_distribution import middle_levels
from resformer_unet.model.network_config import NetworkConfig

IMAGE, SEGMENTATION, DIAGNOSIS, LEVEL = "image", "segmentation", "diagnosis", "level{}"  # names of the ends
EPSILON = 1e-5  # PyTorch's, of both normalisations


def onnx_network(config: NetworkConfig, weights: Mapping[str, np.ndarray], size: tuple[int, int]) -> bytes:
    """The network with its weights, for any number of slices of one size.

    Its input ``image`` is float32 (n, channels, rows, columns). Its outputs are ``segmentation`` and ``diagnosis``, the
    logits of the tasks that it has, and the encoder's middle levels (see :func:`.middle_levels`) as
    ``level1``...

    Args:
        weights: of the same names as in the network's state.
        size: rows and columns.

    Raises:
        ValueError: for weights of another network, naming those that differ.
    """
    return _Network(config, weights, size).model()


class _Network:
    def __init__(self, config: NetworkConfig, weights: Mapping[str, np.ndarray], size: tuple[int, int]) -> None:
        self._config, self._weights, self._size = config, weights, tuple(size)
        self._unused = {name for name, array in weights.items() if array.dtype.kind == "f"}
        self._writer = OnnxWriter()
        self._node, self._constant = self._writer.node, self._writer.constant
        self._sizes = []  # of the levels
        for _ in config.widths:
            size = tuple(math.ceil(length / 2) for length in size)
            self._sizes.append(size)

    def model(self) -> bytes:
        config, outputs = self._config, {}
        levels = self._encode(IMAGE)
        for level in middle_levels(len(levels)):
            name = self._node("Identity", levels[level], name=LEVEL.format(level))
            outputs[name] = (config.widths[level], *self._sizes[level])
        logits = self._decode(levels) if config.segments else None
        if config.diagnoses:
            self._node("Identity", self._diagnose(levels, logits), name=DIAGNOSIS)
            outputs[DIAGNOSIS] = (config.diagnoses,)
        if logits is not None:
            self._resized(logits, self._size, name=SEGMENTATION)
            outputs[SEGMENTATION] = (config.segmentation_channels, *self._size)
        if self._unused:
            raise ValueError(f"{sorted(self._unused)[0]} is not part of the network")
        return self._writer.model({IMAGE: (config.in_channels, *self._size)}, outputs)

    def _encode(self, x: str) -> list[str]:
        config, levels, inputs = self._config, [], self._config.in_channels
        for level, width in enumerate(config.widths):
            at = f"encoder.{level}"
            x = self._convolution(x, f"{at}.down", inputs, width, stride=2)
            for index in range(config.depths[level]):
                within = f"{at}.local.{index}"
                inner = self._convolution(x, f"{within}.first", width, width)
                x = self._joined(x, self._convolution(inner, f"{within}.second", width, width, relu=False))
            if config.transformer and config.heads[level]:
                x = self._transformer(x, f"{at}.context", level)
            levels.append(x)
            inputs = width
        return levels

    def _transformer(self, x: str, at: str, level: int) -> str:
        width, hidden = self._config.widths[level], self._config.mlp_ratio * self._config.widths[level]
        depthwise = self._take(f"{at}.position.weight", width, 1, 3, 3), self._take(f"{at}.position.bias", width)
        x = self._node("Add", x, self._conv(x, *depthwise, padding=1, group=width))
        tokens = self._tokens(x, width)
        attended = self._attention(self._layer_norm(tokens, f"{at}.attention_norm", width), f"{at}.attention", level)
        tokens = self._node("Add", tokens, attended)
        inner = self._linear(self._layer_norm(tokens, f"{at}.mlp_norm", width), f"{at}.mlp.0", width, hidden)
        tokens = self._node("Add", tokens, self._linear(self._node("Gelu", inner), f"{at}.mlp.2", hidden, width))
        return self._grid(tokens, width, self._sizes[level])

    def _attention(self, tokens: str, at: str, level: int) -> str:
        config, node = self._config, self._node
        width, heads, pooling = config.widths[level], config.heads[level], config.pooling[level]
        source = tokens
        if pooling > 1:
            pooled = node(
                "AveragePool", self._grid(tokens, width, self._sizes[level]),
                kernel_shape=(pooling, pooling), strides=(pooling, pooling), ceil_mode=1,
            )  # fmt: skip
            source = self._tokens(pooled, width)
        both = self._take(f"{at}.keys_values.weight", 2 * width, width), self._take(f"{at}.keys_values.bias", 2 * width)
        scale = np.float32((width // heads) ** -0.5)
        asking = self._take(f"{at}.queries.weight", width, width), self._take(f"{at}.queries.bias", width)
        queries = self._split_heads(
            self._affine(tokens, *(part * scale for part in asking)), heads, width, (0, 2, 1, 3)
        )
        keys = self._split_heads(self._affine(source, *(part[:width] for part in both)), heads, width, (0, 2, 3, 1))
        values = self._split_heads(self._affine(source, *(part[width:] for part in both)), heads, width, (0, 2, 1, 3))
        shares = node("Softmax", node("MatMul", queries, keys), axis=-1)
        mixed = node("Transpose", node("MatMul", shares, values), perm=(0, 2, 1, 3))
        return self._linear(self._reshaped(mixed, 0, -1, width), f"{at}.output", width, width)

    def _decode(self, levels: Sequence[str]) -> str:
        config, x = self._config, levels[-1]
        for level in reversed(range(len(levels) - 1)):
            width, deeper, at = config.widths[level], config.widths[level + 1], f"decoder.{level}"
            skip = self._enhanced(levels[level], level) if config.dfe else levels[level]
            x = self._resized(self._convolution(x, f"{at}.reduce", deeper, width, kernel=1), self._sizes[level])
            x = self._convolution(self._node("Concat", x, skip, axis=1), f"{at}.merge", 2 * width, width)
        channels = config.segmentation_channels
        weight = self._take("segmentation.weight", channels, config.widths[0], 1, 1)
        return self._conv(x, weight, self._take("segmentation.bias", channels))

    def _enhanced(self, x: str, level: int) -> str:
        width, at = self._config.widths[level], f"skips.{level}"
        branch = max(width // 4, 4)
        seen = [
            self._convolution(x, f"{at}.branches.{index}", width, branch, dilation=dilation)
            for index, dilation in enumerate(self._config.dilations)
        ]
        fused = self._convolution(
            self._node("Concat", *seen, axis=1), f"{at}.fuse", 3 * branch, width, kernel=1, relu=False
        )
        return self._joined(x, fused)

    def _diagnose(self, levels: Sequence[str], logits: str | None) -> str:
        config, node = self._config, self._node
        count, hidden = len(levels), 96
        seen = range(min(2, count - 1), count) if config.multi_level_head else [count - 1]
        masks = self._masks(logits) if logits is not None and config.mask_guided else None
        segments = config.segments if masks is not None else 0
        parts = []
        for index, level in enumerate(seen):
            x, width, at = levels[level], config.widths[level], f"classification.levels.{index}"
            pooled = [self._reduced("ReduceMean", x, 2, 3), self._reduced("ReduceMax", x, 2, 3)]
            if masks is not None:
                pooled.append(self._mean_in(masks, x, level))
            length = (2 + segments) * width
            described = self._layer_norm(node("Concat", *pooled, axis=1), f"{at}.0", length)
            parts.append(node("Gelu", self._linear(described, f"{at}.1", length, hidden)))
        if masks is not None:
            area, certainty = self._reduced("ReduceMean", masks, 2, 3), self._reduced("ReduceMax", masks, 2, 3)
            area = node("Log", node("Add", area, self._number(1e-4)))
            outline = node("Concat", node("Mul", area, self._number(0.25)), certainty, axis=1)
            parts.append(node("Gelu", self._linear(outline, "classification.mask_statistics.0", 2 * segments, hidden)))
        everything = node("Concat", *parts, axis=1)
        return self._linear(everything, "classification.classify.1", hidden * len(parts), config.diagnoses)

    def _masks(self, logits: str) -> str:
        if not self._config.exclusive:
            return self._node("Sigmoid", logits)
        ends = (self._constant(np.array([value], np.int64)) for value in (1, self._config.segmentation_channels, 1))
        return self._node("Slice", self._node("Softmax", logits, axis=1), *ends)

    def _mean_in(self, masks: str, x: str, level: int) -> str:
        """Mean of a level's features over each segment."""
        width, segments, node = self._config.widths[level], self._config.segments, self._node
        (rows, columns), (to_rows, to_columns) = self._sizes[0], self._sizes[level]
        weights = node("MatMul", self._constant(_window_means(rows, to_rows)), masks)
        weights = node("MatMul", weights, self._constant(_window_means(columns, to_columns).T))
        weights = self._reshaped(weights, 0, segments, -1)
        sums = node("MatMul", weights, self._tokens(x, width))
        areas = self._reduced("ReduceSum", weights, 2, keep=True)
        means = node("Div", sums, node("Add", areas, self._number(0.1)))
        return self._reshaped(means, 0, segments * width)

    def _convolution(
        self, x: str, at: str, inputs: int, outputs: int,
        *, kernel: int = 3, stride: int = 1, dilation: int = 1, relu: bool = True,
    ) -> str:  # fmt: skip
        """Convolution and batch normalisation in one."""
        weight = self._take(f"{at}.0.weight", outputs, inputs, kernel, kernel)
        gain, bias, mean, variance = (
            self._take(f"{at}.1.{name}", outputs).astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        gain = gain / np.sqrt(variance + EPSILON)
        x = self._conv(
            x, weight * gain[:, None, None, None], bias - mean * gain,
            padding=dilation * (kernel // 2), stride=stride, dilation=dilation,
        )  # fmt: skip
        return self._node("Relu", x) if relu else x

    def _conv(
        self, x: str, weight: np.ndarray, bias: np.ndarray,
        padding: int = 0, stride: int = 1, dilation: int = 1, group: int = 1,
    ) -> str:  # fmt: skip
        constants = (self._constant(part.astype(np.float32)) for part in (weight, bias))
        return self._node(
            "Conv", x, *constants,
            pads=(padding,) * 4, strides=(stride,) * 2, dilations=(dilation,) * 2, group=group,
        )  # fmt: skip

    def _joined(self, x: str, other: str) -> str:
        return self._node("Relu", self._node("Add", x, other))

    def _linear(self, x: str, at: str, inputs: int, outputs: int) -> str:
        return self._affine(x, self._take(f"{at}.weight", outputs, inputs), self._take(f"{at}.bias", outputs))

    def _affine(self, x: str, weight: np.ndarray, bias: np.ndarray) -> str:
        return self._node("Add", self._node("MatMul", x, self._constant(weight.T)), self._constant(bias))

    def _layer_norm(self, x: str, at: str, width: int) -> str:
        scale, bias = (self._constant(self._take(f"{at}.{name}", width)) for name in ("weight", "bias"))
        return self._node("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)

    def _resized(self, x: str, size: tuple[int, int], name: str = "") -> str:
        sizes = self._constant(np.array(size, np.int64))
        return self._node(
            "Resize", x, "", "", sizes, name=name,
            axes=(2, 3), mode="linear", coordinate_transformation_mode="pytorch_half_pixel",
        )  # fmt: skip

    def _tokens(self, x: str, width: int) -> str:
        return self._node("Transpose", self._reshaped(x, 0, width, -1), perm=(0, 2, 1))

    def _grid(self, tokens: str, width: int, size: tuple[int, int]) -> str:
        return self._reshaped(self._node("Transpose", tokens, perm=(0, 2, 1)), 0, width, *size)

    def _split_heads(self, x: str, heads: int, width: int, order: tuple[int, ...]) -> str:
        return self._node("Transpose", self._reshaped(x, 0, -1, heads, width // heads), perm=order)

    def _reshaped(self, x: str, *shape: int) -> str:
        """0 keeps a length, -1 takes what is left."""
        return self._node("Reshape", x, self._constant(np.array(shape, np.int64)))

    def _reduced(self, operator: str, x: str, *axes: int, keep: bool = False) -> str:
        return self._node(operator, x, self._constant(np.array(axes, np.int64)), keepdims=int(keep))

    def _number(self, value: float) -> str:
        return self._constant(np.array(value, np.float32))

    def _take(self, name: str, *shape: int) -> np.ndarray:
        if name not in self._weights:
            raise ValueError(f"{name} is missing")
        array = self._weights[name]
        if array.shape != shape:
            raise ValueError(f"{name} has shape {list(array.shape)} instead of {list(shape)}")
        self._unused.discard(name)
        return array.astype(np.float32)


def _window_means(length: int, count: int) -> np.ndarray:
    """(count, length): the means over ``count`` windows, as of PyTorch's ``adaptive_avg_pool``."""
    means = np.zeros((count, length), np.float32)
    for index in range(count):
        window = slice(index * length // count, -(-(index + 1) * length // count))
        means[index, window] = 1 / (window.stop - window.start)
    return means
