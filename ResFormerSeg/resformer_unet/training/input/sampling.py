"""Order of the slices in a training epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch.utils.data import Sampler

from resformer_unet.training.input.random_streams import torch_stream


class Draw(NamedTuple):
    """A slice in an epoch; its augmentation depends on nothing else."""

    epoch: int
    index: int


class EpochSampler(Sampler[Draw]):
    """All slices in an order given by the random seed and the epoch; in distributed training each process gets a part.

    Args:
        count: slices in all.
        rank: of this process among ``processes``; their parts are of equal length.
    """

    def __init__(self, count: int, seed: int, rank: int = 0, processes: int = 1) -> None:
        self._count, self._seed, self._rank, self._processes = count, seed, rank, processes
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this as each epoch begins; before the first one of a resumed training it must be called."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count // self._processes

    def __iter__(self) -> Iterator[Draw]:
        order = torch.randperm(self._count, generator=torch_stream(self._seed, self._epoch)).tolist()
        share = order[self._rank : len(self) * self._processes : self._processes]
        return iter([Draw(self._epoch, index) for index in share])
