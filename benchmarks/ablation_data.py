"""The three splits of a data set at the network's input size, read once and kept on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from resformer_unet.data.draft_descriptor import draft_descriptor
from resformer_unet.data.splits import Splits
from resformer_unet.training.input.arrays import UNKNOWN, SliceArrays, load_arrays
from resformer_unet.training.setup.recipe import load_recipe, recipe_names


@dataclass(frozen=True)
class PreparedSet:
    """The splits as arrays, and the descriptor by which they were prepared."""

    descriptor: dict
    train: SliceArrays
    val: SliceArrays
    test: SliceArrays

    @property
    def tasks(self) -> dict:
        """What a network must give: the arguments ``in_channels``, ``segments``, ``exclusive``, ``diagnoses``."""
        segmentation = self.descriptor["segmentation"]
        return {
            "in_channels": self.descriptor["input"]["channels"],
            "segments": len(segmentation["segments"]),
            "exclusive": segmentation["exclusive"],
            "diagnoses": len(self.classes),
        }

    @property
    def classes(self) -> list[str]:
        return [entry["id"] for entry in self.descriptor["diagnosis"]["classes"]]


def prepare(
    dataset: Path, size: tuple[int, int], cache: Path, progress: Callable[[str, int, int], None]
) -> PreparedSet:
    """Read the set, or what an earlier call has kept of it for this input size.

    The descriptor is that of the recipe named like the data set, or is drafted from its training cases; it is kept
    too, so that a recipe changed in between does not change half of the results.
    """
    kept = cache / f"{dataset.name}-{size[0]}x{size[1]}.pt"
    if kept.is_file():
        stored = torch.load(kept, weights_only=True)
    else:
        stored = _read(dataset, size, progress)
        cache.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial")
        torch.save(stored, partial)
        partial.replace(kept)
    splits = {name: SliceArrays(*stored[name]) for name in ("train", "val", "test")}
    return PreparedSet(stored["descriptor"], **splits)


def fraction_of(arrays: SliceArrays, fraction: float) -> SliceArrays:
    """The same fraction of each diagnosis; always the same slices for the same fraction."""
    if fraction >= 1:
        return arrays
    order = torch.randperm(len(arrays), generator=torch.Generator().manual_seed(0))
    kept = []
    for label in range(UNKNOWN, int(arrays.labels.max()) + 1):
        members = order[arrays.labels[order] == label]
        kept.append(members[: round(fraction * len(members))])
    chosen = torch.cat(kept).sort().values
    return replace(
        arrays,
        images=arrays.images[chosen],
        masks=arrays.masks[chosen],
        has_mask=arrays.has_mask[chosen],
        labels=arrays.labels[chosen],
    )


def _read(dataset: Path, size: tuple[int, int], progress: Callable[[str, int, int], None]) -> dict:
    splits = Splits.load(dataset)
    name = dataset.name
    known = load_recipe(name).descriptor if name in recipe_names() else None
    descriptor = known or draft_descriptor(name, splits.train, size)
    descriptor = {**descriptor, "input": {**descriptor["input"], "size": list(size)}}
    stored: dict = {"descriptor": descriptor}
    for split in ("train", "val", "test"):
        cases = getattr(splits, split)
        arrays = load_arrays(cases, descriptor, None, lambda *n, split=split: progress(f"reading {name} {split}", *n))
        stored[split] = (arrays.images, arrays.masks, arrays.has_mask, arrays.labels)
    return stored
