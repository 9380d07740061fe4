"""The network of :mod:`.model.network` as an ONNX graph, by PyTorch's exporter.

In a bundle the graph holds no weights: its tensors point into ``weights.safetensors``, which stores each as raw
little-endian bytes, and a Cast makes float32 of the half precision there. So nothing may be computed ahead from the
weights, such as a transposed or a folded tensor; ONNX Runtime does that when it opens the graph.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from functools import lru_cache

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxscript import optimizer
from torch import Tensor, nn

from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import WEIGHTS, ModelBundle
from resformer_unet.model.network import ResFormerUNet
from resformer_unet.model.network_config import NetworkConfig
from resformer_unet.model.onnx_graph import IMAGE, OPSET, shapes
from resformer_unet.model.saving import add_graph
from resformer_unet.model.weights import tensor_places

_IR_VERSION = 9  # of the format, known to ONNX Runtime since 1.17
_HALF, _EXTERNAL = 10, 1  # TensorProto.DataType, TensorProto.DataLocation


class _Outputs(nn.Module):
    """The network's outputs in the order of :func:`.shapes`, without those of tasks that it does not have."""

    def __init__(self, network: ResFormerUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        segmentation, diagnosis, features = self.network(image)
        return tuple(output for output in (segmentation, diagnosis, *features) if output is not None)


def add_exported_graph(bundle: ModelBundle) -> ModelBundle:
    """Write ``network.onnx`` into a bundle's folder, and its size and SHA-256 into the descriptor.

    Raises ``EngineError``: those of :func:`.add_graph`.
    """
    model = _structure(NetworkConfig(**bundle.descriptor["network"]), tuple(bundle.descriptor["input"]["size"]))
    _refer_to_weights(model, bundle)
    return add_graph(bundle, model.SerializeToString(deterministic=True), OPSET)


def _structure(config: NetworkConfig, size: tuple[int, int]) -> onnx.ModelProto:
    """The graph of any network of this structure: its weights are to be replaced."""
    return onnx.ModelProto.FromString(_exported_structure(config, size))


@lru_cache(maxsize=4)
def _exported_structure(config: NetworkConfig, size: tuple[int, int]) -> bytes:
    return exported(ResFormerUNet(config), size).SerializeToString()


def exported(network: ResFormerUNet, size: Sequence[int]) -> onnx.ModelProto:
    """The network with its weights as float32 tensors of the names that PyTorch gives them.

    Args:
        size: rows and columns of the input; its batch axis has any length.

    Raises:
        EngineError: EXPORT_FAILED.
    """
    inputs, outputs = shapes(network.config, tuple(size))
    image = torch.zeros(2, *inputs[IMAGE])
    # PyTorch warns about itself, and about a torchvision that is not needed.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                _Outputs(network.eval()), (image,),
                dynamo=True, optimize=False, verbose=False, opset_version=OPSET,
                dynamic_shapes=({0: torch.export.Dim("batch")},), input_names=[IMAGE], output_names=list(outputs),
            )  # fmt: skip
        except torch.onnx.OnnxExporterError as error:
            raise EngineError(
                "EXPORT_FAILED",
                f"PyTorch could not export the network to ONNX: {(error.__cause__ or error).__class__.__name__}.",
                "Most likely memory was short: close other programs, and start again (a training with --resume).",
            ) from error
    weights = set(program.model.graph.initializers)
    optimizer.fold_constants(
        program.model, should_fold=lambda node: False if weights & {x.name for x in node.inputs if x} else None
    )
    optimizer.remove_unused_nodes(program.model)
    model = program.model_proto
    _rename_weights(model, network)
    _strip(model)
    return model


def _rename_weights(model: onnx.ModelProto, network: ResFormerUNet) -> None:
    """From those of :class:`_Outputs` to the network's own."""
    prefix, names = "network.", network.state_dict().keys()
    for tensor in model.graph.initializer:
        if tensor.name.removeprefix(prefix) in names:
            tensor.name = tensor.name.removeprefix(prefix)
    for node in model.graph.node:
        node.input[:] = [
            name.removeprefix(prefix) if name.removeprefix(prefix) in names else name for name in node.input
        ]


def _strip(model: onnx.ModelProto) -> None:
    """Removes what is there for people who look at the graph: where in the program each node comes from."""
    model.ir_version, model.producer_name, model.producer_version = _IR_VERSION, "pytorch", torch.__version__
    graph = model.graph
    for message in (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        for field in ("metadata_props", "doc_string", "value_info", "functions"):
            if field in message.DESCRIPTOR.fields_by_name:
                message.ClearField(field)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                attribute.t.CopyFrom(_inline(attribute.t))
    for tensor in graph.initializer:
        tensor.CopyFrom(_inline(tensor))


def _inline(tensor: onnx.TensorProto) -> onnx.TensorProto:
    return numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name)


def _refer_to_weights(model: onnx.ModelProto, bundle: ModelBundle) -> None:
    """Replaces each tensor that lies in the bundle's weights file by its place there, and a Cast to float32."""
    places = tensor_places(bundle)
    casts, read = [], {}
    for tensor in model.graph.initializer:
        if tensor.name not in places:
            continue
        place = places[tensor.name]
        stored = TensorProto(name=tensor.name, data_type=_HALF, dims=place.shape, data_location=_EXTERNAL)
        entries = {"location": WEIGHTS, "offset": place.start, "length": place.stop - place.start}
        for key, value in entries.items():
            stored.external_data.add(key=key, value=str(value))
        tensor.CopyFrom(stored)
        read[tensor.name] = f"{tensor.name}.float32"
        casts.append(helper.make_node("Cast", [tensor.name], [read[tensor.name]], to=TensorProto.FLOAT))
    for node in model.graph.node:
        node.input[:] = [read.get(name, name) for name in node.input]
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
