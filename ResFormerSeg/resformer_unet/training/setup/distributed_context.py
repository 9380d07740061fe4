"""Distributed training: this process and its place among those that ``torchrun`` has started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from lightning.pytorch.strategies import DDPStrategy


@dataclass(frozen=True)
class DistributedContext:
    """Rank and size of a distributed training; the default is a training in a single process.

    Attributes:
        rank: of this process; only rank 0 writes files and reports progress.
        processes: world size; local: processes on this machine.
    """

    rank: int = 0
    processes: int = 1
    local: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> DistributedContext:
        """From the environment variables of ``torchrun``; a single process without them."""
        if "TORCHELASTIC_RUN_ID" not in environment:
            return cls()
        return cls(*(int(environment[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")))

    @property
    def first(self) -> bool:
        return self.rank == 0

    def trainer_options(self, device: torch.device) -> dict:
        """Arguments of Lightning's trainer for the device and the processes."""
        accelerator = {"cuda": "gpu"}.get(device.type, device.type)
        if self.processes == 1:
            devices = [device.index or 0] if device.type == "cuda" else 1
            return {"accelerator": accelerator, "devices": devices}
        # A batch without masks, or without labels, leaves one of the two heads without a gradient.
        backend = "nccl" if device.type == "cuda" else "gloo"
        strategy = DDPStrategy(find_unused_parameters=True, process_group_backend=backend)
        nodes = self.processes // self.local
        return {"accelerator": accelerator, "devices": self.local, "num_nodes": nodes, "strategy": strategy}
