"""The network: shapes, budgets, switches, gradients, and that it learns."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from helpers.tiny_model import TINY_NETWORK
from resformer_unet.model.network import (
    ClassificationHead,
    DilatedFeatureEnhancement,
    NetworkConfig,
    ResFormerUNet,
    Transformer,
)

THREE_LEVELS = {
    "levels": (((8, 1, 3, 1),), ((16, 2, 5, 2),), ((16, 1, 3, 2), (24, 1, 3, 2))), "transformers": (0, 1, 2),
    "heads": (1, 2, 4), "pooling": (1, 2, 1), "dropout": 0.0,
}  # fmt: skip


def tiny(**changes) -> ResFormerUNet:
    torch.manual_seed(0)
    return ResFormerUNet(NetworkConfig(**{**TINY_NETWORK, **changes}))


def image(rows: int = 40, columns: int = 40, channels: int = 1, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, channels, rows, columns, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("preset", "most_parameters", "most_gmac"), [("small", 4e6, 1.1), ("base", 10e6, 4.0)])
def test_the_presets_keep_their_budgets_at_256(preset, most_parameters, most_gmac):
    config = getattr(NetworkConfig, preset)(in_channels=3, segments=1, diagnoses=3)
    with torch.device("meta"):  # counting needs shapes only
        network, picture = ResFormerUNet(config).eval(), torch.empty(1, 3, 256, 256)
    assert sum(parameter.numel() for parameter in network.parameters()) <= most_parameters
    # The plain kernel is made of matrix products, all of which the counter sees.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        network(picture)
    gmac = counter.get_total_flops() / 2e9
    assert 0.1 < gmac <= most_gmac
    operations = {str(operation) for operation in counter.get_flop_counts()["Global"]}
    assert operations >= {"aten.convolution", "aten.addmm"} and any("bmm" in name for name in operations)


@pytest.mark.parametrize(("rows", "columns"), [(32, 32), (33, 47), (61, 32), (32, 129), (97, 101)])
def test_any_height_and_width_from_32_on_comes_back_at_its_own_size(rows, columns):
    logits = tiny(segments=2, diagnoses=3).eval()(image(rows, columns))
    assert logits.segmentation.shape == (2, 2, rows, columns)
    assert logits.diagnosis.shape == (2, 3)


def test_the_small_preset_takes_odd_sizes():
    network = ResFormerUNet(NetworkConfig.small()).eval()
    with torch.inference_mode():
        assert network(image(33, 71, batch=1)).segmentation.shape == (1, 1, 33, 71)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_input_channels_is_taken(channels):
    assert tiny(in_channels=channels)(image(channels=channels)).segmentation.shape == (2, 1, 40, 40)


def test_exclusive_segments_have_a_background_channel_and_overlapping_ones_do_not():
    assert tiny(segments=3, exclusive=True)(image()).segmentation.shape[1] == 4
    assert tiny(segments=3, exclusive=False)(image()).segmentation.shape[1] == 3


def kinds(network: torch.nn.Module) -> set[type]:
    return {type(module) for module in network.modules()}


def test_the_transformer_can_be_switched_off():
    assert Transformer in kinds(tiny()) and Transformer not in kinds(tiny(transformer=False))
    assert tiny(transformer=False)(image()).segmentation.shape == (2, 1, 40, 40)


def test_the_dilated_feature_enhancement_can_be_switched_off_and_otherwise_is_on_every_skip():
    network = tiny(**THREE_LEVELS)
    assert [type(skip) for skip in network.skips] == [DilatedFeatureEnhancement] * 2
    assert all(len(skip.branches) == 3 for skip in network.skips)
    assert DilatedFeatureEnhancement not in kinds(tiny(dfe=False))
    assert tiny(dfe=False)(image()).segmentation.shape == (2, 1, 40, 40)


def levels_seen(network: ResFormerUNet) -> int:
    return next(len(module.levels) for module in network.modules() if isinstance(module, ClassificationHead))


def test_the_diagnosis_sees_several_levels_or_only_the_deepest():
    with torch.device("meta"):
        assert levels_seen(ResFormerUNet(NetworkConfig.small())) == 3
        assert levels_seen(ResFormerUNet(NetworkConfig.small(multi_level_head=False))) == 1
    assert tiny(multi_level_head=False)(image()).diagnosis.shape == (2, 2)


def test_either_task_can_be_switched_off():
    assert tiny(diagnoses=0)(image()).diagnosis is None
    logits = tiny(segments=0)(image())
    assert logits.segmentation is None and logits.diagnosis.shape == (2, 2)
    with_both, without = tiny(), tiny(segments=0)
    assert sum(p.numel() for p in without.parameters()) < sum(p.numel() for p in with_both.parameters())


@pytest.mark.parametrize(
    "changes",
    [{}, {"transformer": False}, {"dfe": False}, {"multi_level_head": False}, {"segments": 0}, {"diagnoses": 0}],
    ids=str,
)
def test_every_parameter_gets_a_gradient(changes):
    network = tiny(**{**THREE_LEVELS, "segments": 2, "exclusive": True, **changes})
    for parameter in network.parameters():  # as after the first step: the Transformers' last layers start at zero
        torch.nn.init.normal_(parameter, 1, 0.1) if parameter.dim() == 1 else torch.nn.init.normal_(parameter, 0, 0.2)
    logits = [x for x in network(image(48, 40))[:2] if x is not None]
    sum((x * torch.randn_like(x)).sum() for x in logits).backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []


def test_a_diagnosis_from_the_deepest_level_alone_teaches_every_level_before_it():
    network = tiny(**THREE_LEVELS, segments=0, multi_level_head=False)
    network(image()).diagnosis.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_in_training_dropout_varies_the_answer_and_in_evaluation_nothing_does():
    network, picture = tiny(dropout=0.4), image()
    assert not torch.equal(network(picture).diagnosis, network(picture).diagnosis)
    network.eval()
    assert torch.equal(network(picture).diagnosis, network(picture).diagnosis)
    assert torch.equal(network(picture).segmentation, network(picture).segmentation)


def test_in_evaluation_an_image_is_judged_alone_whatever_shares_its_batch():
    network, pictures = tiny().eval(), image(batch=3)
    together, alone = network(pictures), network(pictures[1:2])
    torch.testing.assert_close(together.segmentation[1:2], alone.segmentation)
    torch.testing.assert_close(together.diagnosis[1:2], alone.diagnosis)


def test_the_same_seed_gives_the_same_output():
    first, second = tiny().eval()(image()), tiny().eval()(image())
    assert torch.equal(first.segmentation, second.segmentation) and torch.equal(first.diagnosis, second.diagnosis)


def test_a_new_transformer_leaves_the_features_as_they_are():
    network, without = tiny(**THREE_LEVELS).eval(), tiny(**THREE_LEVELS, transformer=False).eval()
    without.load_state_dict({name: network.state_dict()[name] for name in without.state_dict()})
    torch.testing.assert_close(network(image()).segmentation, without(image()).segmentation)


def test_long_range_context_reaches_every_pixel_only_with_the_transformer():
    def reach(network: ResFormerUNet) -> bool:
        picture = image(96, 96, batch=1)
        changed = picture.clone()
        changed[..., :8, :8] += 3
        difference = network(picture).segmentation - network(changed).segmentation
        return bool(difference[..., -32:, -32:].abs().max() > 0)

    network = tiny(segments=1).eval()
    for parameter in network.encoder[-1].context.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    assert reach(network)
    assert not reach(tiny(segments=1, transformer=False).eval())


def discs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Six noisy pictures with a disc, as small ones (label 0) and large ones (label 1), and their masks."""
    grid = torch.arange(48.0)
    centres, radii = [(14, 30), (30, 18), (22, 22), (24, 20), (20, 28), (26, 24)], [7, 8, 9, 17, 16, 18]
    masks = torch.stack([
        (((grid[:, None] - row) ** 2 + (grid - column) ** 2) < radius**2).float()
        for (row, column), radius in zip(centres, radii, strict=True)
    ])[:, None]  # fmt: skip
    noise = torch.randn(masks.shape, generator=torch.Generator().manual_seed(2))
    return masks + 0.3 * noise, masks, torch.tensor([0, 0, 0, 1, 1, 1])


def test_one_mini_batch_can_be_learnt_by_heart():
    pictures, masks, labels = discs()
    network = tiny(**THREE_LEVELS)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    for _ in range(120):
        logits = network(pictures)
        probabilities = logits.segmentation.sigmoid()
        dice = 2 * (probabilities * masks).sum() / (probabilities.sum() + masks.sum())
        loss = F.binary_cross_entropy_with_logits(logits.segmentation, masks) - dice
        loss = loss + 0.5 * F.cross_entropy(logits.diagnosis, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        logits = network.eval()(pictures)
    predicted = logits.segmentation > 0
    each = 2 * (predicted * masks).sum((1, 2, 3)) / (predicted.sum((1, 2, 3)) + masks.sum((1, 2, 3)))
    assert each.min() > 0.95
    assert logits.diagnosis.argmax(1).tolist() == labels.tolist()


def test_the_network_can_be_exported():
    network = tiny(**THREE_LEVELS, segments=2).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(network, (image(41, 56),), dynamic_shapes=({0: batch},)).module()
    picture = image(41, 56, batch=3)
    segmentation, diagnosis, _ = exported(picture)
    torch.testing.assert_close(segmentation, network(picture).segmentation)
    torch.testing.assert_close(diagnosis, network(picture).diagnosis)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"transformers": (0, 1, 1)}, "one value for each"),
        ({"levels": (((4, 1, 3, 1),),), "transformers": (0,), "heads": (1,), "pooling": (1,)}, "at least two levels"),
        ({"levels": (((4, 1, 3, 1),), ())}, "at least one stage"),
        ({"levels": (((4, 1, 4, 1),), ((8, 1, 3, 1),))}, "odd"),
        ({"levels": (((4, 1, 3),), ((8, 1, 3, 1),))}, "expansion"),
        ({"heads": (1, 3)}, "divisible"),
        ({"heads": (1, -4)}, "at least 1"),
        ({"transformers": (0, -1)}, "Transformer blocks of a level must be at least 0"),
        ({"in_channels": 0}, "at least 1"),
        ({"levels": (((4, 0, 3, 1),), ((8, 1, 3, 1),))}, "at least 1"),
        ({"dilations": (1, 2)}, "three dilation rates"),
        ({"segments": 0, "diagnoses": 0}, "at least one segment or one diagnosis"),
        ({"segments": -1}, "at least one segment or one diagnosis"),
        ({"dropout": 0.5}, "dropout"),
    ],
)
def test_an_impossible_configuration_is_refused_with_a_reason(changes, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        NetworkConfig(**{**TINY_NETWORK, **changes})


@pytest.mark.parametrize("preset", [NetworkConfig.small, NetworkConfig.base])
def test_a_configuration_travels_as_json(preset):
    config = preset(in_channels=3, segments=2, exclusive=True)
    values = config.to_dict()
    assert all(isinstance(values[name], list) for name in ("levels", "transformers", "heads", "pooling", "dilations"))
    assert NetworkConfig(**values) == config
    assert config.segmentation_channels == 3
