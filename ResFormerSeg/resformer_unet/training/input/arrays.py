"""A split of a data set as arrays at the network's input size, preprocessed as for prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from resformer_unet.data.dataset import Case, read_case_image, read_case_segments
from resformer_unet.errors import EngineError
from resformer_unet.preprocessing.letterbox import Letterbox
from resformer_unet.preprocessing.prepare import prepare_image
from resformer_unet.training.input.sampling import Draw

UNKNOWN = -1  # label of a slice whose diagnosis is unknown or ignored


@dataclass(frozen=True)
class SliceArrays(Dataset):
    """Slices of a split in memory, as float16 to halve their size.

    Attributes:
        images: float16 (n, channels, height, width), scaled intensities.
        masks: uint8 (n, segments, height, width).
        has_mask: bool (n,); a slice without a mask is trained on for the diagnosis only.
        labels: int64 (n,), index of the diagnosis or ``UNKNOWN``.
        transform: augmentation, called with the sample, its epoch and its index.
    """

    images: Tensor
    masks: Tensor
    has_mask: Tensor
    labels: Tensor
    transform: Callable[[dict, int, int], dict] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, draw: Draw | int) -> dict:
        """One sample, augmented for its epoch; a plain index means epoch 0."""
        epoch, index = draw if isinstance(draw, tuple) else (0, draw)
        sample = {
            "image": self.images[index].float(),
            "mask": self.masks[index].float(),
            "has_mask": self.has_mask[index],
            "label": self.labels[index],
        }
        return sample if self.transform is None else self.transform(sample, epoch, index)


def load_arrays(
    cases: Sequence[Case],
    descriptor: Mapping,
    transform: Callable[[dict, int, int], dict] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SliceArrays:
    """Read, lay out, scale and resize every slice of the cases.

    Args:
        descriptor: of the model to be trained; ``input``, ``segmentation`` and ``diagnosis`` are used.
        progress: called with (cases done, cases in all).
    """
    segmentation = descriptor.get("segmentation") or {"segments": [], "exclusive": False}
    segments, exclusive = segmentation["segments"], segmentation["exclusive"]
    diagnoses = [entry["id"] for entry in descriptor["diagnosis"]["classes"]] if descriptor.get("diagnosis") else []
    images, masks, has_mask, labels = [], [], [], []
    for done, case in enumerate(cases):
        image = read_case_image(case)
        prepared = prepare_image(image, descriptor["input"])
        images.append(torch.from_numpy(prepared.batch(0, len(prepared))).half())
        count, _, height, width = images[-1].shape
        if segments and case.mask:
            stored = read_case_segments(case, image, segments, exclusive)
            stack = np.stack([prepared.layout.stack(mask) for mask in stored], axis=1)  # (n, segments, rows, columns)
            masks.append(shrink_masks(stack, prepared.letterbox))
        else:
            masks.append(torch.zeros(count, len(segments), height, width, dtype=torch.uint8))
        has_mask += [bool(segments and case.mask)] * count
        labels += [diagnoses.index(case.label) if case.label in diagnoses else UNKNOWN] * count
        if progress:
            progress(done + 1, len(cases))
    if not images:
        raise EngineError("DATASET_EMPTY", "A split of the data set has no cases.", "Name train and val in labels.csv.")
    return SliceArrays(torch.cat(images), torch.cat(masks), torch.tensor(has_mask), torch.tensor(labels), transform)


def shrink_masks(stack: np.ndarray, letterbox: Letterbox) -> Tensor:
    """Boolean masks (n, segments, rows, columns) at the network's input size: a pixel at least half covered is set."""
    stack = np.moveaxis(letterbox.shown(np.moveaxis(stack, 1, -1)), -1, 1)
    return torch.from_numpy((letterbox.forward(stack.astype(np.float32)) >= 0.5).astype(np.uint8))
