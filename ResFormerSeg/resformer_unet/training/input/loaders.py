"""Data loaders of the training and validation slices."""

from __future__ import annotations

import os
import shutil

from torch.utils.data import DataLoader

from resformer_unet.training.input.arrays import SliceArrays
from resformer_unet.training.input.sampling import EpochSampler
from resformer_unet.training.setup.distributed_context import DistributedContext
from resformer_unet.training.setup.recipe import Recipe

MOST_WORKERS = 8  # more of them only cost memory
SHARED_MEMORY = "/dev/shm"  # through which worker processes hand over their batches on Linux
BATCHES_A_WORKER = 3  # two made ahead, and one in use
FEWEST_IN_A_BATCH = 2  # batch normalisation needs a second picture


def make_loaders(
    train_set: SliceArrays,
    val_set: SliceArrays,
    recipe: Recipe,
    workers: int | None = None,
    context: DistributedContext | None = None,
) -> tuple[DataLoader, DataLoader]:
    """Loaders of both sets. The recipe's batch is divided among the processes; each validates on the whole set.

    Args:
        workers: processes of the training loader; by default all processors but the two that a CPU run
            computes on, at most eight. The samples do not depend on their number. There are fewer, or none, where
            their batches would not fit into the shared memory, as in a container, which has 64 MiB unless told
            otherwise: the training would be killed.
    """
    context = context or DistributedContext()
    if workers is None:
        workers = min(MOST_WORKERS, max(0, (os.cpu_count() or 1) // context.local - 2))
    sampler = EpochSampler(len(train_set), recipe.seed, context.rank, context.processes)
    size = min(max(FEWEST_IN_A_BATCH, recipe.batch_size // context.processes), max(1, len(sampler)))
    workers = min(workers, _workers_that_fit(train_set, size))
    train_loader = DataLoader(
        train_set,
        size,
        sampler=sampler,
        drop_last=True,  # batch normalisation fails on a last batch of one picture
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    return train_loader, DataLoader(val_set, 2 * size)


def batch_text(train_loader: DataLoader, recipe: Recipe, context: DistributedContext) -> str:
    """Says that a step takes another number of slices than the recipe asks for; empty if it does not."""
    taken = train_loader.batch_size * context.processes
    if taken == recipe.batch_size:
        return ""
    shared = f", and {context.processes} processes take as many each" if context.processes > 1 else ""
    return (
        f"A step takes {taken} slices, not {recipe.batch_size}: there are {len(train_loader.dataset)} to train on, "
        f"at least {FEWEST_IN_A_BATCH} are needed{shared}."
    )


def _workers_that_fit(train_set: SliceArrays, batch_size: int) -> int:
    sample = 4 * (train_set.images[0].numel() + train_set.masks[0].numel())  # bytes, as float32
    try:
        free = shutil.disk_usage(SHARED_MEMORY).free
    except OSError:  # another operating system, which does it otherwise
        return MOST_WORKERS
    return free // max(1, BATCHES_A_WORKER * batch_size * sample)
