"""The loss of both tasks, and the average of the weights."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("lightning", reason="the extra “train” is not installed")
pytest.importorskip("monai", reason="the extra “train” is not installed")

from resformer_unet.model.network import Logits, NetworkConfig
from resformer_unet.training.input.arrays import UNKNOWN
from resformer_unet.training.loop.callbacks import exponential_moving_average
from resformer_unet.training.loop.losses import MultiTaskLoss, class_weights, exclusive_target
from resformer_unet.training.loop.module import binary_masks


def loss_of(config: NetworkConfig, weight: float = 0.5) -> MultiTaskLoss:
    return MultiTaskLoss(config, None, label_smoothing=0.0, diagnosis_weight=weight)


def batch(segments: int = 1, diagnoses: int = 2) -> tuple[Logits, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    logits = Logits(torch.randn(3, segments, 8, 8, requires_grad=True), torch.randn(3, diagnoses, requires_grad=True))
    masks = (torch.rand(3, segments, 8, 8) > 0.7).float()
    return logits, masks, torch.tensor([True, True, True]), torch.tensor([0, 1, 1])


def test_the_loss_weighs_its_two_tasks():
    losses = loss_of(NetworkConfig(), 0.25)(*batch())
    assert losses.keys() == {"segmentation", "diagnosis", "loss"}
    assert losses["loss"].item() == pytest.approx((losses["segmentation"] + 0.25 * losses["diagnosis"]).item())


def test_an_unknown_label_gives_no_diagnosis_loss():
    logits, masks, has_mask, _ = batch()
    losses = loss_of(NetworkConfig())(logits, masks, has_mask, torch.tensor([0, UNKNOWN, UNKNOWN]))
    losses["loss"].backward()
    assert logits.diagnosis.grad[0].any() and not logits.diagnosis.grad[1:].any()
    only_first = torch.nn.functional.cross_entropy(logits.diagnosis[:1], torch.tensor([0]))
    assert losses["diagnosis"].item() == pytest.approx(only_first.item())


def test_mixed_pictures_are_scored_for_both_labels_by_their_shares():
    logits, masks, has_mask, labels = batch()
    others = labels.roll(1)
    own, other = (loss_of(NetworkConfig())(logits, masks, has_mask, each)["diagnosis"] for each in (labels, others))
    mixed = loss_of(NetworkConfig())(logits, masks, has_mask, labels, others, 0.7)["diagnosis"]
    assert own != other and mixed.item() == pytest.approx((0.7 * own + 0.3 * other).item())


def test_a_missing_mask_gives_no_segmentation_loss():
    logits, masks, _, labels = batch()
    losses = loss_of(NetworkConfig())(logits, masks, torch.tensor([True, False, False]), labels)
    losses["loss"].backward()
    assert logits.segmentation.grad[0].any() and not logits.segmentation.grad[1:].any()
    alone = loss_of(NetworkConfig())(Logits(logits.segmentation[:1], None), masks[:1], torch.tensor([True]), labels[:1])
    assert losses["segmentation"].item() == pytest.approx(alone["segmentation"].item())


def test_a_batch_without_any_target_has_a_loss_of_zero():
    logits, masks, has_mask, labels = batch()
    losses = loss_of(NetworkConfig())(logits, masks, ~has_mask, labels * 0 + UNKNOWN)
    losses["loss"].backward()
    assert losses.keys() == {"loss"} and losses["loss"] == 0 and not logits.segmentation.grad.any()


def test_an_empty_mask_gives_a_segmentation_loss():
    logits, masks, has_mask, labels = batch()
    losses = loss_of(NetworkConfig())(logits, masks * 0, has_mask, labels)
    losses["loss"].backward()
    assert torch.isfinite(losses["loss"]) and logits.segmentation.grad.sum() > 0  # away from the foreground


def test_correct_logits_have_a_lower_loss_than_wrong_ones_for_exclusive_segments_too():
    for exclusive in (False, True):
        config = NetworkConfig(segments=2, exclusive=exclusive)
        masks = torch.zeros(1, 2, 8, 8)
        masks[:, 0, :3], masks[:, 1, 3:6] = 1, 1
        channels = torch.cat([1 - masks.sum(1, keepdim=True), masks], 1) if exclusive else masks
        score = loss_of(config)
        facts = masks, torch.tensor([True]), torch.tensor([UNKNOWN])
        right, wrong = (score(Logits(sign * (20 * channels - 10), None), *facts)["loss"] for sign in (1, -1))
        assert right < 0.1 < wrong
        assert torch.equal(binary_masks(Logits(20 * channels - 10, None), exclusive), masks)


def test_exclusive_masks_become_channel_numbers():
    masks = torch.zeros(1, 2, 1, 3)
    masks[0, 0, 0, 1] = masks[0, 1, 0, 2] = 1
    assert exclusive_target(masks).flatten().tolist() == [0, 1, 2]


def test_rare_classes_weigh_more():
    labels = torch.tensor([0] * 8 + [1] * 2 + [UNKNOWN] * 5)
    assert class_weights(labels, 2, 0.0).tolist() == [1, 1]
    weights = class_weights(labels, 2, 0.5)
    assert (weights[1] / weights[0]).item() == pytest.approx(2)
    assert ((8 * weights[0] + 2 * weights[1]) / 10).item() == pytest.approx(1)
    assert torch.isfinite(class_weights(labels, 3, 0.5)).all()  # a class without a case


def test_the_moving_average_of_a_short_training_forgets_its_random_initialisation():
    average = exponential_moving_average(decay=0.998)
    averaged = torch.tensor(1.0)  # the beginning; all that follows is 0
    for step in range(200):
        averaged = average(averaged, torch.tensor(0.0), torch.tensor(step))
    assert averaged < 1e-3
    assert average(torch.tensor(5), torch.tensor(7), torch.tensor(1)) == 7  # a counter is not averaged
