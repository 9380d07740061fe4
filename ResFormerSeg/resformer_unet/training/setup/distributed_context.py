"""How many processes train together: one, or as many as ``torchrun`` has started on this and other machines."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from lightning.pytorch.strategies import DDPStrategy


@dataclass(frozen=True)
class DistributedContext:
    """This process among those of one training.

    Attributes:
        rank: its number; only number 0 writes files and tells how far the training is.
        processes: on all machines together; local: on this machine.
    """

    rank: int = 0
    processes: int = 1
    local: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> DistributedContext:
        """What ``torchrun`` has written into the environment; one process alone without it."""
        if "TORCHELASTIC_RUN_ID" not in environment:
            return cls()
        return cls(*(int(environment[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")))

    @property
    def first(self) -> bool:
        return self.rank == 0

    def trainer_options(self, device: torch.device) -> dict:
        """What Lightning's trainer has to know of the device and of the other processes."""
        accelerator = {"cuda": "gpu"}.get(device.type, device.type)
        if self.processes == 1:
            devices = [device.index or 0] if device.type == "cuda" else 1
            return {"accelerator": accelerator, "devices": devices}
        # A batch without masks, or without diagnoses, leaves one of the two heads without a gradient.
        backend = "nccl" if device.type == "cuda" else "gloo"
        strategy = DDPStrategy(find_unused_parameters=True, process_group_backend=backend)
        nodes = self.processes // self.local
        return {"accelerator": accelerator, "devices": self.local, "num_nodes": nodes, "strategy": strategy}
