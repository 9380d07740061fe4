"""Memory of a device filled on purpose, as another program would fill it."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import torch

LEAST_ADDRESSES = 32 * 2**20  # bytes; CPython waits for ever for a thread that finds no memory for its stack
SMALLEST = 32 * 2**20  # bytes; PyTorch takes the GPU's memory in blocks of up to 20 MB


@contextlib.contextmanager
def filled(device: torch.device, left: int) -> Iterator[None]:
    """Leave about so many bytes; on the CPU the process's address space is limited instead (Linux)."""
    with _filled_gpu(device, left) if device.type == "cuda" else _limited_addresses(left):
        yield


@contextlib.contextmanager
def _filled_gpu(device: torch.device, left: int) -> Iterator[None]:
    torch.cuda.empty_cache()
    blocks, most = [], 2**33
    while (excess := torch.cuda.mem_get_info(device)[0] - left) > SMALLEST and most >= SMALLEST:
        try:
            blocks.append(torch.empty(min(excess, most), dtype=torch.uint8, device=device))
        except torch.OutOfMemoryError:  # in pieces, then
            most //= 2
    try:
        yield
    finally:
        blocks.clear()
        torch.cuda.empty_cache()


@contextlib.contextmanager
def _limited_addresses(left: int) -> Iterator[None]:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + max(left, LEAST_ADDRESSES), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
