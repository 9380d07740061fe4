"""Augmentation of training slices, composed from MONAI's transforms."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch.nn.functional as F
from monai.data import set_track_meta
from monai.transforms import (
    Compose,
    MapTransform,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandomizableTransform,
    RandScaleIntensityd,
    RandShiftIntensityd,
)
from torch import Tensor

from resformer_unet.errors import EngineError
from resformer_unet.training.input.arrays import UNKNOWN
from resformer_unet.training.input.random_streams import SeededTransforms
from resformer_unet.training.setup.recipe import Augmentation

BOTH = ("image", "mask")


def build_augmentation(settings: Augmentation, model_input: Mapping, seed: int) -> SeededTransforms:
    """Transform of a sample dict: ``image`` (channels, H, W), ``mask`` (segments, H, W), ``label``, ``has_mask``.

    It is called with the sample, its epoch and its index, which seed its random numbers.

    Args:
        model_input: ``input`` of the model descriptor.

    Raises:
        EngineError: RECIPE_INVALID if rows and columns are to be exchanged in an input that is not square.
    """
    size = model_input["size"]
    if settings.transpose and size[0] != size[1]:
        raise EngineError(
            "RECIPE_INVALID",
            f"The recipe exchanges rows and columns, but the input of {size[0]} x {size[1]} pixels is not square.",
            "Choose a square --size, or set the augmentation's transpose to 0.",
        )
    # Images come divided by the standard deviation: one intensity range is 1 / std of their values.
    intensity_range = 1 / float(np.mean(model_input["intensity"]["std"]))
    set_track_meta(False)  # the geometry is handled before: plain tensors are several times faster
    steps = [
        LesionInpainting(prob=settings.lesion_inpainting),
        RandTransposed(BOTH, prob=settings.transpose),
        RandFlipd(BOTH, prob=settings.flip_rows, spatial_axis=0),
        RandFlipd(BOTH, prob=settings.flip_columns, spatial_axis=1),
        RandAffined(
            BOTH,
            prob=0.9,
            rotate_range=math.radians(settings.rotation),
            scale_range=(settings.scale, settings.scale),
            translate_range=tuple(settings.shift * length for length in size),
            mode=("bilinear", "nearest"),
            padding_mode="zeros",
        ),
        RandAdjustContrastd(
            "image", prob=0.5 if settings.gamma else 0, gamma=(math.exp(-settings.gamma), math.exp(settings.gamma))
        ),
        RandScaleIntensityd("image", factors=settings.contrast, prob=0.5),
        RandShiftIntensityd("image", offsets=settings.brightness * intensity_range, prob=0.5),
        RandScaleIntensityd("image", factors=settings.colour, prob=0.5 if settings.colour else 0, channel_wise=True),
        RandGaussianNoised("image", prob=0.2, std=settings.noise * intensity_range),
        RandGaussianSmoothd("image", prob=settings.blur, sigma_x=(0.5, 1.2), sigma_y=(0.5, 1.2)),
    ]
    return SeededTransforms(Compose(steps), seed)


class RandTransposed(RandomizableTransform, MapTransform):
    """Exchange rows and columns of a square picture."""

    def __init__(self, keys: tuple[str, ...], prob: float) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)

    def __call__(self, sample: dict) -> dict:
        self.randomize(None)
        if not self._do_transform:
            return sample
        return {**sample, **{key: sample[key].transpose(1, 2) for key in self.keys}}


class LesionInpainting(RandomizableTransform):
    """Replace lesions by tissue from elsewhere in the picture, which gives a lesion-free sample.

    In a data set whose every picture contains a lesion, a network learns that there always is one. A region beside a
    lesion that stays is inpainted equally often, so that traces of inpainting do not indicate lesion-free pictures.
    """

    TRIES = 8

    def __init__(self, prob: float) -> None:
        super().__init__(min(1.0, 2 * prob))

    def __call__(self, sample: dict) -> dict:
        self.randomize(None)
        if not self._do_transform or not sample["has_mask"] or not sample["mask"].any():
            return sample
        lesion = sample["mask"].amax(0, keepdim=True)  # (1, H, W)
        if self.R.rand() < 0.5:
            image = self._inpaint(sample["image"], lesion, lesion)
            if image is None:
                return sample
            return {**sample, "image": image, "mask": sample["mask"] * 0, "label": sample["label"] * 0 + UNKNOWN}
        beside = self._shifted(lesion)
        if (beside * _grown(_grown(lesion))).any():  # inpainting reaches five pixels beyond its region
            return sample
        image = self._inpaint(sample["image"], beside, lesion)
        return sample if image is None else {**sample, "image": image}

    def _inpaint(self, image: Tensor, region: Tensor, lesion: Tensor) -> Tensor | None:
        """The image with the region replaced by the lesion-free place that best continues its surroundings."""
        inner = _grown(region)
        around = _grown(inner)
        ring = around - inner
        best, best_difference = None, math.inf
        for _ in range(self.TRIES):
            shift = self._random_shift(image)
            source = image.roll(shift, (1, 2))
            if (lesion.roll(shift, (1, 2)) * around).any():
                continue
            difference = ((source - image).abs() * ring).sum().item()
            if difference < best_difference:
                best, best_difference = source, difference
        if best is None:
            return None
        soft = F.avg_pool2d(inner[None], 5, 1, 2, count_include_pad=False)[0]
        return image + soft * (best - image)

    def _shifted(self, region: Tensor) -> Tensor:
        return region.roll(self._random_shift(region), (1, 2))

    def _random_shift(self, image: Tensor) -> tuple[int, int]:
        return tuple(int(self.R.randint(-length // 3, length // 3 + 1)) for length in image.shape[1:])


def _grown(region: Tensor) -> Tensor:
    return F.max_pool2d(region[None], 7, 1, 3)[0]
