"""The worker processes of the training loader."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch

from resformer_unet.training.input import loaders
from resformer_unet.training.input.arrays import SliceArrays
from resformer_unet.training.input.loaders import batch_text, make_loaders
from resformer_unet.training.setup.distributed_context import DistributedContext
from resformer_unet.training.setup.recipe import Recipe

MIB = 2**20


def slices(size: int = 256) -> SliceArrays:
    """Eight slices of which each takes 1.5 MiB as float32, of 256 pixels a side."""
    return SliceArrays(
        torch.zeros(8, 4, size, size, dtype=torch.float16),
        torch.zeros(8, 2, size, size, dtype=torch.uint8),
        torch.ones(8, dtype=torch.bool),
        torch.zeros(8, dtype=torch.int64),
    )


@pytest.mark.parametrize(("free", "workers"), [(64 * MIB, 3), (17 * MIB, 0), (10**12, 4)])
def test_there_are_no_more_workers_than_the_shared_memory_holds_batches_of(monkeypatch, free, workers):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=free))
    loader, _ = make_loaders(slices(), slices(), Recipe(batch_size=4), workers=4)
    assert loader.num_workers == workers


def test_without_a_file_system_for_shared_memory_nothing_limits_them(monkeypatch):
    monkeypatch.setattr(loaders, "SHARED_MEMORY", "/no/such/folder")
    loader, _ = make_loaders(slices(), slices(), Recipe(batch_size=4), workers=4)
    assert loader.num_workers == 4


@pytest.mark.parametrize(
    ("asked", "processes", "taken"), [(4, 1, 4), (16, 1, 8), (1, 1, 2), (4, 2, 4), (5, 2, 4), (4, 4, 8)]
)
def test_another_number_of_slices_a_step_than_asked_for_is_said(asked, processes, taken):
    recipe, context = Recipe(batch_size=asked), DistributedContext(0, processes, processes)
    loader, _ = make_loaders(slices(), slices(), recipe, workers=0, context=context)
    assert loader.batch_size * processes == taken
    text = batch_text(loader, recipe, context)
    assert text == "" if asked == taken else text.startswith(f"A step takes {taken} slices, not {asked}")
