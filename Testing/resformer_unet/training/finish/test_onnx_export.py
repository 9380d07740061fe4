"""The exported graph computes what the network computes, for each part that a network may have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers.tiny_model import TINY_NETWORK, save_tiny
from resformer_unet.errors import EngineError
from resformer_unet.inference.backends.onnx_runtime import import_onnxruntime
from resformer_unet.model.network import NetworkConfig, ResFormerUNet
from resformer_unet.model.onnx_graph import shapes, verified_graph
from resformer_unet.training.finish.onnx_export import add_exported_graph, exported

THREE_LEVELS = dict(
    levels=(((8, 1, 3, 1),), ((12, 1, 5, 2),), ((16, 2, 3, 2),)),
    transformers=(1, 2, 1),
    heads=(2, 3, 4),
    pooling=(4, 3, 2),
)


def network(**changes) -> ResFormerUNet:
    """As if it were trained: normalisations that do something."""
    torch.manual_seed(0)
    made = ResFormerUNet(NetworkConfig(**{**TINY_NETWORK, **changes})).eval()
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
    return made


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        (dict(mask_guided=True, segments=3, exclusive=True, diagnoses=2), (48, 32)),
        (dict(segments=0, diagnoses=4, in_channels=3, multi_level_head=False), (32, 48)),
        (dict(segments=2, diagnoses=0, transformer=False, dfe=False), (32, 32)),
        # Rows and columns that do not halve: masks are averaged over windows of several sizes, and pooling is cut off.
        (dict(mask_guided=True, segments=2, **THREE_LEVELS), (77, 101)),
        (dict(mask_guided=True, multi_level_head=False, **THREE_LEVELS), (120, 160)),
    ],
    ids=str,
)
def test_the_graph_agrees_with_pytorch_for_any_number_of_slices(changes, size):
    made = network(**changes)
    graph = exported(made, size).SerializeToString()
    session = import_onnxruntime().InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names == list(shapes(made.config, size)[1])
    for slices in (1, 5):
        batch = torch.randn(slices, made.config.in_channels, *size)
        with torch.inference_mode():
            segmentation, diagnosis, features = made(batch)
        expected = [output for output in (segmentation, diagnosis, *features) if output is not None]
        for name, found, wanted in zip(names, session.run(None, {"image": batch.numpy()}), expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=3e-5, err_msg=name)


def test_no_weight_is_stored_twice(tmp_path):
    bundle = add_exported_graph(save_tiny(tmp_path / "tiny"))
    import onnx

    graph = onnx.load(verified_graph(bundle), load_external_data=False).graph
    external = [tensor for tensor in graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    used = {name for name in network().state_dict() if "num_batches_tracked" not in name}
    assert {tensor.name for tensor in external} == used
    assert max(tensor.ByteSize() for tensor in graph.initializer if tensor not in external) < 100


def test_the_weights_do_not_change_the_graph_of_a_bundle(tmp_path):
    """So the structure may be exported once for all networks of one configuration."""
    torch.manual_seed(1)
    made = ResFormerUNet(NetworkConfig(**TINY_NETWORK))
    other = network()
    graphs = []
    for net in (made, other):
        graph = exported(net, (32, 32)).graph
        weights = {tensor.name for tensor in graph.initializer} & made.state_dict().keys()
        inline = [tensor for tensor in graph.initializer if tensor.name not in weights]
        graphs.append(([*graph.node], inline, weights))
    assert graphs[0] == graphs[1] and len(graphs[0][2]) > 10


def test_an_export_that_pytorch_gives_up_is_a_sentence(monkeypatch):
    def failing(self, image):
        raise SystemError("error return without exception set")  # seen when memory was short

    monkeypatch.setattr(ResFormerUNet, "encode", failing)
    with pytest.raises(EngineError) as caught:
        exported(network(), (32, 32))
    assert caught.value.code == "EXPORT_FAILED" and "ONNX" in caught.value.message and caught.value.hint
