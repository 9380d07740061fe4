"""Lightning module: network, loss, optimiser and the validation score that selects the best epoch."""

from __future__ import annotations

import torch
from lightning import LightningModule
from monai.metrics import compute_dice
from torch import Tensor
from torchmetrics.functional.classification import multiclass_auroc, multiclass_recall

from resformer_unet.model.network import Logits, NetworkConfig, ResFormerUNet
from resformer_unet.training.input.arrays import UNKNOWN
from resformer_unet.training.input.mixing import mix
from resformer_unet.training.input.progressive_resizing import resize, training_size
from resformer_unet.training.loop.losses import MultiTaskLoss
from resformer_unet.training.setup.pretrained import is_pretrained
from resformer_unet.training.setup.recipe import Recipe


class ResFormerModule(LightningModule):
    """Trains a network by a recipe; logs ``val_dice``, ``val_balanced_accuracy``, ``val_auc``, ``val_score`` (mean)."""

    def __init__(self, config: NetworkConfig, recipe: Recipe, weights: Tensor | None, steps: int) -> None:
        super().__init__()
        self.network = ResFormerUNet(config).to(memory_format=torch.channels_last)
        self.loss = MultiTaskLoss(config, weights, recipe.label_smoothing, recipe.diagnosis_weight)
        self.recipe = recipe
        self.steps = steps
        self.validation: list[tuple[Tensor, Tensor, Tensor]] = []

    def training_step(self, batch: dict, _index: int) -> Tensor:
        full = tuple(batch["image"].shape[2:])
        size = training_size(full, self.recipe.initial_image_scale, self.current_epoch, self.recipe.epochs)
        images, masks = resize(batch["image"], batch["mask"], size)
        mixture = mix(images, masks, batch["has_mask"], batch["label"], self.recipe.augmentation)
        # Channels last: a seventh less time a step on a CPU, and the layout that tensor cores need.
        logits = self.network(mixture.images.contiguous(memory_format=torch.channels_last))
        losses = self.loss(logits, mixture.masks, mixture.has_mask, mixture.labels, mixture.other_labels, mixture.share)
        self.log_dict(
            {f"train_{name}": value for name, value in losses.items()}, on_step=False, on_epoch=True, sync_dist=True
        )
        return losses["loss"]

    def validation_step(self, batch: dict, _index: int) -> None:
        logits = self.network(batch["image"])
        count = len(batch["label"])
        dice = torch.full((count,), torch.nan)
        if logits.segmentation is not None:
            masks = binary_masks(logits, self.network.config.exclusive)
            by_segment = compute_dice(masks, batch["mask"], include_background=True, ignore_empty=True)
            dice = torch.where(batch["has_mask"], by_segment.nanmean(1), torch.nan).cpu()
        probabilities = torch.zeros(count, 0)
        if logits.diagnosis is not None:
            probabilities = logits.diagnosis.float().softmax(1).cpu()
        self.validation.append((dice, probabilities, batch["label"].cpu()))

    def on_validation_epoch_end(self) -> None:
        dice, probabilities, labels = (torch.cat(parts) for parts in zip(*self.validation, strict=True))
        self.validation.clear()
        metrics = {}
        if self.network.config.segments and not dice.isnan().all():
            metrics["val_dice"] = dice.nanmean()
        known = labels != UNKNOWN
        if self.network.config.diagnoses and known.any():
            scores, truth = probabilities[known], labels[known]
            classes = scores.shape[1]
            present = torch.bincount(truth, minlength=classes) > 0
            recall = multiclass_recall(scores, truth, classes, average="none")
            metrics["val_balanced_accuracy"] = recall[present].mean()
            if present.sum() > 1:
                metrics["val_auc"] = multiclass_auroc(scores, truth, classes, average="none")[present].mean()
        metrics["val_score"] = torch.stack(list(metrics.values())).mean() if metrics else torch.tensor(0.0)
        self.log_dict(metrics, prog_bar=True)

    @property
    def schedule_steps(self) -> int:
        """Of the learning rate: those of the training, and at least three, to begin, to rise, and to fall."""
        return max(self.steps, 3)

    def configure_optimizers(self) -> dict:
        recipe = self.recipe
        new, pretrained = [], []
        for name, parameter in self.network.named_parameters():
            (pretrained if recipe.pretrained != "none" and is_pretrained(name) else new).append(parameter)
        rates = [recipe.learning_rate, recipe.learning_rate * recipe.pretrained_rate]
        groups = [{"params": group, "lr": rate} for group, rate in zip((new, pretrained), rates, strict=True) if group]
        optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            rates[: len(groups)],
            total_steps=self.schedule_steps,
            pct_start=max(0.1, 2 / self.schedule_steps),  # a rise of no step divides by zero
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def binary_masks(logits: Logits, exclusive: bool) -> Tensor:
    """Masks (batch, segments, H, W) of 0 and 1 from the logits: the likeliest channel, or each above one half."""
    if not exclusive:
        return (logits.segmentation > 0).float()
    channels = logits.segmentation.shape[1]
    onehot = torch.nn.functional.one_hot(logits.segmentation.argmax(1), channels)
    return onehot.permute(0, 3, 1, 2)[:, 1:].float()
