"""The multi-task loss, for samples of which some have no mask and some no label."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from monai.losses import DiceCELoss, DiceLoss
from torch import Tensor, nn

from resformer_unet.model.network import Logits, NetworkConfig
from resformer_unet.training.input.arrays import UNKNOWN


class MultiTaskLoss(nn.Module):
    """Dice plus cross-entropy for the masks, label-smoothed cross-entropy for the diagnosis, weighted.

    Args:
        class_weights: (diagnoses,) weight of each diagnosis, or ``None``.
        diagnosis_weight: of the diagnosis' loss; that of the segmentation is 1.
    """

    def __init__(
        self, network: NetworkConfig, class_weights: Tensor | None, label_smoothing: float, diagnosis_weight: float
    ) -> None:
        super().__init__()
        self.exclusive = network.exclusive
        self.label_smoothing = label_smoothing
        self.diagnosis_weight = diagnosis_weight
        self.register_buffer("class_weights", class_weights)
        # Dice over the batch as a whole: defined for empty masks, and steady for lesions of a few pixels.
        if network.exclusive:
            self.segmentation = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True)
        else:
            self.segmentation = DiceLoss(sigmoid=True, batch=True)

    def forward(
        self,
        logits: Logits,
        masks: Tensor,
        has_mask: Tensor,
        labels: Tensor,
        other_labels: Tensor | None = None,
        share: float = 1.0,
    ) -> dict[str, Tensor]:
        """Losses ``segmentation`` and ``diagnosis`` (where there is a target), and their weighted sum ``loss``.

        Args:
            masks: (batch, segments, H, W) of 0 to 1; has_mask: bool (batch,); labels: int64 (batch,).
            other_labels: of the pictures that were mixed in, int64 (batch,); their share is ``1 - share``.
        """
        losses = {}
        if logits.segmentation is not None and has_mask.any():
            losses["segmentation"] = self._segmentation(logits.segmentation[has_mask].float(), masks[has_mask])
        if logits.diagnosis is not None and (labels != UNKNOWN).any():
            losses["diagnosis"] = self._diagnosis(logits.diagnosis.float(), labels)
            if share < 1:
                other = self._diagnosis(logits.diagnosis.float(), other_labels)
                losses["diagnosis"] = share * losses["diagnosis"] + (1 - share) * other
        weights = {"segmentation": 1.0, "diagnosis": self.diagnosis_weight}
        total = sum(weights[task] * loss for task, loss in losses.items())
        if not losses:  # a batch without any target still needs a loss with a gradient
            total = sum(0.0 * x.sum() for x in (logits.segmentation, logits.diagnosis) if x is not None)
        return {**losses, "loss": total}

    def _diagnosis(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(
            logits, labels, self.class_weights, ignore_index=UNKNOWN, label_smoothing=self.label_smoothing
        )

    def _segmentation(self, logits: Tensor, masks: Tensor) -> Tensor:
        if self.exclusive:
            return self.segmentation(logits, exclusive_target(masks))
        return self.segmentation(logits, masks) + F.binary_cross_entropy_with_logits(logits, masks)


def exclusive_target(masks: Tensor) -> Tensor:
    """(batch, segments, H, W) of 0 and 1 as channel indices (batch, 1, H, W), 0 being the background."""
    background = 0.5 * torch.ones_like(masks[:, :1])
    return torch.cat([background, masks], dim=1).argmax(1, keepdim=True)


def class_weights(labels: Tensor, diagnoses: int, power: float) -> Tensor:
    """Weight of each diagnosis: its frequency to the power of minus ``power``, with a mean of 1 over the samples."""
    counts = torch.bincount(labels[labels != UNKNOWN], minlength=diagnoses).float().clamp(min=1)
    weights = counts**-power
    return weights * counts.sum() / (weights * counts).sum()
