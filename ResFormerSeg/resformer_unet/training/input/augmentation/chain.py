"""Augmentation of a training slice as a whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from resformer_unet.errors import EngineError
from resformer_unet.training.input.augmentation.artefacts import (
    add_borders,
    add_callipers,
    add_hairs,
    add_text,
    add_vignette,
)
from resformer_unet.training.input.augmentation.chances import either_side, happens
from resformer_unet.training.input.augmentation.geometry import move
from resformer_unet.training.input.augmentation.inpainting import inpaint_lesion
from resformer_unet.training.input.augmentation.intensity import change_intensities
from resformer_unet.training.input.augmentation.sharpness import blur, coarsen, compress
from resformer_unet.training.input.augmentation.skull_stripping import strip_skull
from resformer_unet.training.input.random_streams import numpy_stream
from resformer_unet.training.setup.augmentation import Augmentation

SMALLEST_RANGE = 0.25  # as of the slices of an image for prediction
SATURATED = 0.999


def build_augmentation(settings: Augmentation, model_input: Mapping, seed: int) -> Augmenter:
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
    return Augmenter(settings, model_input["intensity"], seed)


class Augmenter:
    """Lesion inpainting and geometry, then in intensities of 0 to 1 what device, operator and file format do, in this
    order, and the intensity scaling that follows when such a picture is predicted.

    A letterbox's padding stays what it is for prediction: 0 after the standardisation.
    """

    def __init__(self, settings: Augmentation, intensity: Mapping, seed: int) -> None:
        self._settings, self._seed = settings, seed
        self._mean, self._std = (torch.tensor(intensity[name]).float()[:, None, None] for name in ("mean", "std"))
        by_slice = intensity["method"] == "percentile" and intensity["scope"] == "slice"
        self._percentiles = (intensity["lower"], intensity["upper"]) if by_slice else None
        self._ignores_white = intensity.get("ignore") is not None

    def __call__(self, sample: dict, epoch: int, index: int) -> dict:
        """The augmented sample; the given one is not changed."""
        settings, random = self._settings, numpy_stream(self._seed, epoch, index)
        if happens(min(1.0, 2 * settings.lesion_inpainting), random):
            sample = inpaint_lesion(sample, random)
        inside = torch.zeros(1, *sample["image"].shape[1:])
        inside[(..., *picture_window(sample["image"]))] = 1
        image, masks = move(sample["image"], torch.cat([sample["mask"], inside]), settings, random)
        mask, inside = masks[:-1], masks[-1:]
        image, picture, surround = image * self._std + self._mean, inside, self._mean
        if not self._mean.any() or happens(0.5 * (settings.borders > 0), random):
            inside, surround = torch.ones_like(inside), torch.zeros_like(self._mean)  # a black part of the picture
        kept = inside.bool() if not self._ignores_white else inside.bool() & (image.amax(0, keepdim=True) < SATURATED)
        window = picture_window(inside)
        lesion = mask.amax(0) if len(mask) else inside[0] * 0
        acquired = self._acquired(image[(..., *window)], picture[(..., *window)], surround, lesion[window], random)
        image[(..., *window)] = acquired
        image = self._rescaled(image, kept)
        image = (image - self._mean) * (1 + either_side(settings.contrast, random))
        image = (image + either_side(settings.brightness, random)) / self._std * inside
        return {**sample, "image": image.contiguous(), "mask": mask.contiguous()}

    def _acquired(
        self, image: Tensor, picture: Tensor, surround: Tensor, lesion: Tensor, random: np.random.Generator
    ) -> Tensor:
        """The image (channels, H, W) of 0 to 1 as another device and another file would have it.

        Args:
            picture: (1, H, W), 1 inside the picture. surround: (channels, 1, 1), intensities outside it.
            lesion: (H, W) of 0 and 1.
        """
        settings = self._settings
        image = change_intensities(image, settings, random)
        if happens(settings.blur, random):
            image = blur(image, random)
        if happens(settings.skull_stripping, random):
            image = strip_skull(image, lesion, random)
        if happens(settings.hairs, random):
            image = add_hairs(image, random)
        if happens(settings.vignette, random):
            image = add_vignette(image, lesion, random)
        image = torch.where(picture > 0, image, surround)
        if happens(settings.borders, random):
            image = add_borders(image, lesion, random)
        if happens(settings.callipers, random):
            image = add_callipers(image, lesion, random)
        if happens(settings.text, random):
            image = add_text(image, random)
        if happens(settings.resolution, random):
            image = coarsen(image, random)
        if happens(settings.jpeg, random):
            image = compress(image, random)
        return image.clamp(0, 1)

    def _rescaled(self, image: Tensor, kept: Tensor) -> Tensor:
        """Scaled between its percentiles again, if the model scales each slice for itself."""
        if self._percentiles is None:
            return image
        sample = image[:, ::2, ::2]  # a quarter of the pixels is enough
        values = sample[kept[:, ::2, ::2].expand_as(sample)].numpy()
        if not values.size:
            return image
        lower, upper = np.percentile(values, self._percentiles)
        return ((image - float(lower)) / max(float(upper - lower), SMALLEST_RANGE)).clamp(0, 1)


def picture_window(image: Tensor) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle with all that is not 0 in (channels, H, W); all if all is 0."""
    filled = (image.numpy() != 0).any(0)
    rows, columns = (filled.any(axis).nonzero()[0] for axis in (1, 0))
    if not len(rows):
        return slice(None), slice(None)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
