"""Trainings that begin with the weights of a finished model whose classes, segments or channels were others."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from helpers.generated_dataset import write_discs
from helpers.tiny_model import TINY_NETWORK, save_tiny, tiny_descriptor

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.cli.main import main
from resformer_unet.errors import EngineError
from resformer_unet.model.bundle import load_bundle
from resformer_unet.model.catalog import find_model
from resformer_unet.model.network import NetworkConfig, ResFormerUNet
from resformer_unet.model.weights import load_weights
from resformer_unet.training.setup.description import network_config
from resformer_unet.training.setup.initial_weights import FIRST, InitialWeights
from resformer_unet.training.setup.options import TrainOptions
from resformer_unet.training.setup.recipe import Recipe


def begun(bundle, descriptor: dict) -> tuple[ResFormerUNet, InitialWeights]:
    network = ResFormerUNet(NetworkConfig(**descriptor["network"]))
    return network, InitialWeights.load(bundle, network, descriptor)


def test_every_tensor_is_loaded_from_a_model_of_the_same_structure(tmp_path):
    bundle = save_tiny(tmp_path / "model")
    network, result = begun(bundle, tiny_descriptor())
    stored = load_weights(bundle)
    assert not result.fresh and not result.adapted and len(result.taken) == len(stored)
    assert all(torch.equal(tensor, stored[name]) for name, tensor in network.state_dict().items())


def test_a_head_with_other_classes_is_initialised_randomly_even_if_they_are_as_many(tmp_path):
    bundle = save_tiny(tmp_path / "model")
    network, result = begun(bundle, tiny_descriptor(diagnoses=("cyst", "abscess")))
    assert result.fresh == ["classification.classify.1.weight", "classification.classify.1.bias"]
    stored = load_weights(bundle)
    assert not torch.equal(network.state_dict()[result.fresh[0]], stored[result.fresh[0]])
    assert torch.equal(network.segmentation.weight, stored["segmentation.weight"])
    assert "classification" in result.summary()[-1]


def test_a_model_of_other_segments_and_no_diagnosis_gives_its_encoder(tmp_path):
    descriptor = tiny_descriptor(diagnoses=())
    bundle = save_tiny(tmp_path / "model", diagnosis=None, network=descriptor["network"])
    _, result = begun(bundle, tiny_descriptor(segments=("tumour", "oedema")))
    assert {name.split(".")[0] for name in result.fresh} == {"classification", "segmentation"}


@pytest.mark.parametrize(("theirs", "own"), [(1, 3), (3, 1), (3, 4)])
def test_the_first_convolution_is_adapted_to_other_channels(tmp_path, theirs, own):
    def with_channels(channels: int) -> dict:
        descriptor = tiny_descriptor()
        intensity = {**descriptor["input"]["intensity"], "mean": [0.0] * channels, "std": [1.0] * channels}
        model_input = {**descriptor["input"], "channels": channels, "intensity": intensity}
        return {"input": model_input, "network": {**descriptor["network"], "in_channels": channels}}

    bundle = save_tiny(tmp_path / "model", **with_channels(theirs))
    network, result = begun(bundle, tiny_descriptor(**with_channels(own)))
    assert result.adapted == [FIRST] and "channels" in " ".join(result.summary())
    # A grey picture, repeated in each channel, gives the same outputs as before.
    original = ResFormerUNet(NetworkConfig(**bundle.descriptor["network"]))
    original.load_state_dict(load_weights(bundle))
    grey = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    outputs = [net.eval()(grey.expand(1, count, 32, 32)) for net, count in ((network, own), (original, theirs))]
    assert torch.allclose(outputs[0].segmentation, outputs[1].segmentation, atol=1e-4)


def test_a_network_that_no_tensor_fits_is_an_error(tmp_path):
    bundle = save_tiny(tmp_path / "model")
    network = {**tiny_descriptor()["network"], "stem": 6}
    with pytest.raises(EngineError) as caught:
        begun(bundle, tiny_descriptor(network=network))
    assert caught.value.code == "MODEL_WEIGHTS_MISMATCH"


def test_a_recipe_takes_the_structure_of_the_model(tmp_path):
    recipe = InitialWeights.with_structure_of(save_tiny(tmp_path / "model"), Recipe(network={"dropout": 0.3}))
    assert recipe.network["levels"] == TINY_NETWORK["levels"] and recipe.network["dropout"] == 0.3
    assert recipe.pretrained == "none"


def test_a_model_without_a_part_of_today_s_preset_gives_all_of_its_weights(tmp_path):
    bundle = save_tiny(tmp_path / "model")
    stated = {name: x for name, x in bundle.descriptor["network"].items() if name != "mask_guided"}
    earlier = replace(bundle, descriptor={**bundle.descriptor, "network": {**stated, "dfe": False}})  # as before it
    recipe = InitialWeights.with_structure_of(earlier, Recipe(network={"dfe": True}))
    config = network_config(tiny_descriptor(), recipe)
    assert config.mask_guided is False and config.dfe is False
    for part in fields(NetworkConfig):
        own = part.name in ("in_channels", "segments", "exclusive", "diagnoses", "dropout")
        assert own or part.name in recipe.network


def test_the_shipped_skin_model_gives_its_diagnosis_head_too():
    bundle = find_model("skin-lesion")
    recipe = InitialWeights.with_structure_of(bundle, Recipe())
    network = ResFormerUNet(network_config(bundle.descriptor, recipe))
    result = InitialWeights.load(bundle, network, bundle.descriptor)
    assert not result.fresh and not result.adapted


def test_a_model_is_fine_tuned_on_other_data_with_one_command(tmp_path, capsys):
    first = save_tiny(tmp_path / "first")
    data = write_discs(tmp_path / "data", {"train": 4, "val": 2}, change=lambda a, b: (a[..., None].repeat(3, 2), b))
    arguments = ["train", data, "--output", tmp_path / "second", "--init", first.folder, "--epochs", 1, "--workers", 0]
    assert main([str(argument) for argument in [*arguments, "--device", "cpu", "--batch-size", 2]]) == 0
    second = load_bundle(tmp_path / "second").descriptor
    assert second["network"]["levels"] == TINY_NETWORK["levels"] and second["input"]["size"] == [32, 32]
    assert second["input"]["channels"] == 3 and second["training"]["recipe"]["initial"] == "tiny 1.0.0"
    assert [row["name"] for row in second["training"]["data"]] == ["data", "none"]  # those of the initial model
    assert "loaded from tiny" in capsys.readouterr().err


def test_a_size_of_network_and_an_initial_model_exclude_each_other(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["train", str(tmp_path), "--output", str(tmp_path / "m"), "--init", "tiny", "--preset", "base"])
    assert "not allowed with" in capsys.readouterr().err


def test_pretrained_weights_and_an_initial_model_exclude_each_other(tmp_path, capsys):
    arguments = ["train", str(tmp_path), "--output", str(tmp_path / "m"), "--init", "tiny", "--pretrained", "imagenet"]
    assert main(arguments) == 1
    assert "imagenet” and an initial model exclude each other" in capsys.readouterr().err
    assert TrainOptions(init="tiny", pretrained="none").pretrained == "none"
    with pytest.raises(EngineError, match="preset"):
        TrainOptions(init="tiny", preset="small")
