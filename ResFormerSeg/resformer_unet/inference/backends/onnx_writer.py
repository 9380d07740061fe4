"""Writes a computation in the ONNX format, as protocol buffers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

Only what this engine's network needs. The package onnx knows all of the format; it would double what has to be
downloaded to run a model.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

IR_VERSION, OPSET = 9, 20  # known to ONNX Runtime since 1.17; the first operator set with GELU
_TENSOR_TYPES = {np.dtype(np.float32): 1, np.dtype(np.int64): 7}
_FLOAT, _INT, _STRING, _INTS = 1, 2, 3, 7  # kinds of attributes

Attribute = int | float | str | Sequence[int]


class OnnxWriter:
    """Collects operators, one after the other; each gives the name of its result for those after it to use."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []

    def constant(self, values: np.ndarray) -> str:
        """float32, or int64 for shapes and axes."""
        name = f"constant{len(self._tensors)}"
        values = np.ascontiguousarray(values)
        dims = b"".join(_int(1, length) for length in values.shape)
        kind = _int(2, _TENSOR_TYPES[values.dtype])
        self._tensors.append(dims + kind + _text(8, name) + _bytes(9, values.tobytes()))
        return name

    def node(self, operator: str, *inputs: str, name: str = "", **attributes: Attribute) -> str:
        """An operator of the standard set with one result; an input it is not given is named ``""``."""
        name = name or f"node{len(self._nodes)}"
        parts = [*(_text(1, given) for given in inputs), _text(2, name), _text(3, name), _text(4, operator)]
        parts += [_bytes(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(b"".join(parts))
        return name

    def model(self, inputs: Mapping[str, Sequence[int]], outputs: Mapping[str, Sequence[int]]) -> bytes:
        """The whole, by the names and float32 shapes of its ends; a batch axis of any length comes first."""
        graph = [
            *(_bytes(1, node) for node in self._nodes),
            _text(2, "ResFormer-UNet"),
            *(_bytes(5, tensor) for tensor in self._tensors),
            *(_bytes(11, _end(name, shape)) for name, shape in inputs.items()),
            *(_bytes(12, _end(name, shape)) for name, shape in outputs.items()),
        ]
        opset = _text(1, "") + _int(2, OPSET)
        return b"".join([_int(1, IR_VERSION), _text(2, "resformer_unet"), _bytes(7, b"".join(graph)), _bytes(8, opset)])


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _int(20, _STRING)
    if isinstance(value, float):
        return _text(1, name) + _number(2 << 3 | 5) + struct.pack("<f", value) + _int(20, _FLOAT)
    if isinstance(value, int):
        return _text(1, name) + _int(3, value) + _int(20, _INT)
    return _text(1, name) + b"".join(_int(8, one) for one in value) + _int(20, _INTS)


def _end(name: str, shape: Sequence[int]) -> bytes:
    dims = _bytes(1, _text(2, "batch")) + b"".join(_bytes(1, _int(1, length)) for length in shape)
    tensor = _int(1, _TENSOR_TYPES[np.dtype(np.float32)]) + _bytes(2, dims)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _number(field << 3 | 2) + _number(len(content)) + content


def _int(field: int, value: int) -> bytes:
    return _number(field << 3) + _number(value)


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; negative ones as 64 bits."""
    value &= (1 << 64) - 1
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
