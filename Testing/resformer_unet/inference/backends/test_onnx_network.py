"""The network for ONNX Runtime is the one of PyTorch, with every part that it may have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers.tiny_model import TINY_NETWORK
from resformer_unet.inference.backends.onnx_network import onnx_network
from resformer_unet.inference.out_of_distribution import middle_levels
from resformer_unet.model.network import NetworkConfig, ResFormerUNet

ort = pytest.importorskip("onnxruntime")


def tiny(**changes) -> NetworkConfig:
    return NetworkConfig(**{**TINY_NETWORK, **changes})


def network(config: NetworkConfig) -> ResFormerUNet:
    """As if it were trained: normalisations that do something."""
    torch.manual_seed(0)
    made = ResFormerUNet(config).eval()
    for layer in made.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean, 0, 0.1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
    return made


def weights_of(made: ResFormerUNet) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in made.state_dict().items()}


def run(made: ResFormerUNet, batch: torch.Tensor) -> dict[str, np.ndarray]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    graph = onnx_network(made.config, weights_of(made), batch.shape[2:])
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [end.name for end in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": batch.numpy()}), strict=True))


def expected(made: ResFormerUNet, batch: torch.Tensor) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        levels, logits = made.encode(batch), made(batch)
    ends = {f"level{level}": levels[level] for level in middle_levels(len(levels))}
    ends |= {name: end for name, end in logits._asdict().items() if end is not None}
    return {name: end.numpy() for name, end in ends.items()}


def agree(config: NetworkConfig, rows: int, columns: int, slices: int = 2) -> None:
    made, batch = network(config), torch.randn(slices, config.in_channels, rows, columns)
    found, wanted = run(made, batch), expected(made, batch)
    assert found.keys() == wanted.keys()
    for name, end in wanted.items():
        np.testing.assert_allclose(found[name], end, atol=2e-5, err_msg=name)


TASKS = [
    dict(segments=1, diagnoses=2),
    dict(segments=3, diagnoses=3),
    dict(segments=3, exclusive=True, diagnoses=2),
    dict(segments=2, exclusive=True, diagnoses=0),
    dict(segments=0, diagnoses=4),
]


@pytest.mark.parametrize("preset", ["small", "base"])
@pytest.mark.parametrize("tasks", TASKS, ids=str)
def test_both_presets_agree_with_pytorch_for_every_task(preset, tasks):
    agree(getattr(NetworkConfig, preset)(**tasks), 64, 96)


@pytest.mark.parametrize("guided", [True, False])
@pytest.mark.parametrize("tasks", TASKS, ids=str)
def test_small_networks_agree_with_and_without_the_guiding_masks(guided, tasks):
    agree(tiny(mask_guided=guided, **tasks), 48, 32)


@pytest.mark.parametrize(
    "changes",
    [
        dict(transformer=False),
        dict(dfe=False),
        dict(multi_level_head=False),
        dict(multi_level_head=False, mask_guided=True),
        dict(in_channels=3),
        dict(depths=(2, 3)),
        dict(dilations=(1, 3, 5), mlp_ratio=3),
        dict(widths=(8, 12, 16), depths=(1, 1, 1), heads=(2, 3, 4), pooling=(4, 3, 2), mask_guided=True),
    ],
    ids=str,
)
def test_every_part_of_a_network_may_be_left_out_or_changed(changes):
    agree(tiny(**changes), 32, 48)


@pytest.mark.parametrize(("rows", "columns"), [(33, 32), (77, 101), (50, 38)])
def test_sizes_that_do_not_halve_agree(rows, columns):
    agree(tiny(widths=(8, 12, 16), depths=(1, 1, 1), heads=(2, 3, 4), pooling=(4, 3, 2), mask_guided=True),
          rows, columns)  # fmt: skip


@pytest.mark.parametrize("slices", [1, 5])
def test_any_number_of_slices_is_taken(slices):
    agree(tiny(), 32, 32, slices)


def refusal(weights: dict[str, np.ndarray]) -> str:
    with pytest.raises(ValueError) as caught:
        onnx_network(tiny(), weights, (32, 32))
    return str(caught.value)


def test_weights_of_another_network_are_refused():
    weights = weights_of(network(tiny()))
    name = "encoder.1.context.attention.queries.weight"
    missing = {key: value for key, value in weights.items() if key != name}
    assert refusal(missing) == f"{name} is missing"
    assert name in refusal({**weights, name: weights[name][:3]})
    assert "skips.9.weight is not part" in refusal({**weights, "skips.9.weight": np.ones(3, np.float32)})
