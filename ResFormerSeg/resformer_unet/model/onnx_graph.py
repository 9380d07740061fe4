"""Checks the ONNX graph of a model bundle before it is run, without the package onnx.

A graph is accepted if it has the size and SHA-256 that the descriptor states, only operators of the standard domain,
only tensors that are either inline or exactly those of the bundle's own weights file, and the declared input and
outputs. Every field of the format that this needs is listed below; a file with any other field is refused, among them
subgraphs, functions and custom operators. The format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import AGAIN, GRAPH, NETWORK_ONNX, WEIGHTS, ModelBundle, read_verified
from resformer_unet.model.descriptor import DESCRIPTOR, invalid_descriptor
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.model.protobuf import DamagedMessage, Message, parse
from resformer_unet.model.weights import TensorPlace, tensor_places

IMAGE, SEGMENTATION, DIAGNOSIS, LEVEL = "image", "segmentation", "diagnosis", "level{}"  # input and outputs
OPSET = 20  # of the graphs that are written; known to ONNX Runtime since 1.17
_FLOAT, _INT64, _HALF = 1, 7, 10  # TensorProto.DataType
_EXTERNAL = 1  # TensorProto.DataLocation

# Fields by number. MODEL: version of the format, producer, graph, operator sets. NODE: inputs, outputs, name, operator,
# attributes, domain. ATTRIBUTE: name, and one of float, int, text, tensor, lists of the first three; type.
MODEL, GRAPH_FIELDS, NODE, ATTRIBUTE = (
    {1, 2, 3, 7, 8},
    {1, 2, 5, 11, 12},
    {1, 2, 3, 4, 5, 7},
    {1, 2, 3, 4, 5, 7, 8, 9, 20},
)
TENSOR = {1, 2, 8, 9, 13, 14}  # dimensions, type, name, bytes; places and kind of external bytes
OPERATOR_SET, ENTRY = {1, 2}, {1, 2}
VALUE, TYPE, TENSOR_TYPE, SHAPE, DIMENSION = {1, 2}, {1}, {1, 2}, {1}, {1, 2}


def verified_graph(bundle: ModelBundle) -> Path:
    """The bundle's graph, once it was checked.

    Raises ``EngineError``: MODEL_GRAPH_MISSING, MODEL_GRAPH_TAMPERED, MODEL_GRAPH_INVALID, MODEL_DESCRIPTOR_INVALID;
    those of :func:`.load_weights`.
    """
    described = bundle.descriptor.get(GRAPH)
    if not described:
        raise EngineError(
            "MODEL_GRAPH_MISSING",
            f"ONNX Runtime cannot run the model in “{bundle.folder}”: it has no {NETWORK_ONNX}.",
            f"Install PyTorch, or add the graph with: resformer-unet export {shlex.quote(str(bundle.folder))}",
        )
    path = bundle.folder / NETWORK_ONNX
    check_graph(bundle, read_verified(path, described, "MODEL_GRAPH"), described["opset"])
    return path


def check_graph(bundle: ModelBundle, content: bytes, opset: int) -> None:
    """Check what a graph asks ONNX Runtime to do.

    Args:
        content: of the file, which need not lie in the bundle's folder yet.
        opset: version of the standard operator set that it should use.

    Raises ``EngineError``: MODEL_GRAPH_INVALID, MODEL_DESCRIPTOR_INVALID; those of :func:`.load_weights`.
    """
    try:
        config = NetworkConfig(**bundle.descriptor["network"])
    except (TypeError, ValueError) as error:
        raise invalid_descriptor(bundle.folder / DESCRIPTOR, [f"network: {error}"]) from error
    try:
        _check(content, opset, tensor_places(bundle), *shapes(config, bundle.descriptor["input"]["size"]))
    except DamagedMessage as error:
        message = f"“{bundle.folder / NETWORK_ONNX}” is not accepted: {error}."
        raise EngineError("MODEL_GRAPH_INVALID", message, AGAIN) from error


def shapes(config: NetworkConfig, size: tuple[int, int]) -> tuple[dict, dict]:
    """Shapes of the inputs and of the outputs by name, without the batch axis that comes first.

    Args:
        size: rows and columns of the input.
    """
    inputs, outputs = {IMAGE: (config.in_channels, *size)}, {}
    if config.segments:
        outputs[SEGMENTATION] = (config.segmentation_channels, *size)
    if config.diagnoses:
        outputs[DIAGNOSIS] = (config.diagnoses,)
    for level in config.feature_levels:
        scale = 2 ** (level + 1)
        outputs[LEVEL.format(level)] = (config.widths[level], *(-(-length // scale) for length in size))
    return inputs, outputs


def _check(content: bytes, opset: int, places: Mapping[str, TensorPlace], inputs: dict, outputs: dict) -> None:
    model = parse(content, MODEL, "model")
    sets = [parse(one, OPERATOR_SET, "operator set") for one in model.messages(8)]
    if [(one.text(1), one.integer(2)) for one in sets] != [("", opset)]:
        raise DamagedMessage(f"it needs other operators than the standard set {opset}")
    graph = parse(model.message(7), GRAPH_FIELDS, "graph")
    for content in graph.messages(1):
        _check_node(parse(content, NODE, "node"))
    for content in graph.messages(5):
        _check_tensor(parse(content, TENSOR, "tensor"), places)
    for what, number, expected in (("inputs", 11, inputs), ("outputs", 12, outputs)):
        found = dict(map(_value, graph.messages(number)))
        if found != expected or len(found) != len(graph.messages(number)):
            raise DamagedMessage(f"its {what} are {found} instead of {expected}")


def _check_node(node: Message) -> None:
    if node.text(7):
        raise DamagedMessage(f"it uses an operator of the domain {node.text(7)!r}")
    for content in node.messages(5):
        for tensor in parse(content, ATTRIBUTE, "attribute").messages(5):
            _check_inline(parse(tensor, TENSOR, "tensor"))


def _check_tensor(tensor: Message, places: Mapping[str, TensorPlace]) -> None:
    if tensor.integer(14) != _EXTERNAL:
        _check_inline(tensor)
        return
    name = tensor.text(8)
    entries = [parse(one, ENTRY, "external data") for one in tensor.messages(13)]
    stated = {entry.text(1): entry.text(2) for entry in entries}
    if stated.get("location") != WEIGHTS:
        raise DamagedMessage(f"the tensor {name} lies in {stated.get('location')!r} instead of {WEIGHTS!r}")
    place = places.get(name)
    if place is None:
        raise DamagedMessage(f"{WEIGHTS} has no tensor {name}")
    expected = {"location": WEIGHTS, "offset": str(place.start), "length": str(place.stop - place.start)}
    same_type = place.dtype == "F16" and tensor.integer(2) == _HALF
    if stated != expected or len(entries) != 3 or not same_type or tuple(tensor.integers(1)) != place.shape:
        raise DamagedMessage(f"the tensor {name} is not the one of {WEIGHTS}")


def _check_inline(tensor: Message) -> None:
    if tensor.integer(14) or tensor.messages(13):
        raise DamagedMessage(f"the constant {tensor.text(8)} lies outside the graph")
    size = {_FLOAT: 4, _INT64: 8}.get(tensor.integer(2))
    for length in tensor.integers(1):
        size = size and size * length
    if size is None or size != sum(map(len, tensor.messages(9))):
        raise DamagedMessage(f"the constant {tensor.text(8)} has another type or size than stated")


def _value(content: bytes) -> tuple[str, tuple[int, ...]]:
    """Name and shape of an input or output, without the batch axis."""
    value = parse(content, VALUE, "value")
    tensor = parse(parse(value.message(2), TYPE, "type").message(1), TENSOR_TYPE, "type")
    axes = [parse(one, DIMENSION, "shape") for one in parse(tensor.message(2), SHAPE, "shape").messages(1)]
    if tensor.integer(1) != _FLOAT or not axes or not axes[0].text(2) or any(axis.text(2) for axis in axes[1:]):
        raise DamagedMessage(f"{value.text(1)} is not float32 with a batch axis of any length and others of one length")
    return value.text(1), tuple(axis.integer(1) for axis in axes[1:])
