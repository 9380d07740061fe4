"""The batch that suits a network: doubled for as long as that makes an image quicker and there is memory and time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

from measuring import MEGABYTE, rounds, seconds_of
from resformer_unet.inference.backends.pytorch import memory_errors

GAIN = 0.03  # less than this share of the time counts as no gain
PATIENCE = 2  # doublings without a gain, after which the search ends
LEAST = 3  # rounds of a batch


@dataclass(frozen=True)
class Trial:
    """peak_mb: what PyTorch had allocated on the GPU at most, the network included; None on the CPU."""

    batch: int
    ms_per_image: float
    peak_mb: float | None


@dataclass(frozen=True)
class BatchSearch:
    """ended: what ended the search, "no gain", "memory", "time" or "largest"."""

    trials: list[Trial]
    ended: str

    def figures(self) -> dict:
        """For a row of results: the batch that takes least time for an image, its figures, and those of one image."""
        if not self.trials:
            return {"left_out": "there is no memory for a single image"}
        best = min(self.trials, key=lambda trial: trial.ms_per_image)
        return {**asdict(best), "ms_alone": self.trials[0].ms_per_image, "ended": self.ended,
                "tried": [asdict(trial) for trial in self.trials]}  # fmt: skip


def search_batch(
    ready: Callable[[int], Callable[[], object]], device: torch.device, seconds: float, largest: int = 1024
) -> BatchSearch:
    """ready: gives what runs so many images; seconds: for all trials together, of which at least one is made."""
    until, trials, batch = time.perf_counter() + seconds, [], 1
    while True:
        try:
            with memory_errors(device):
                trials.append(_trial(ready(batch), batch, device, seconds / 8))
        except MemoryError:
            return BatchSearch(trials, "memory")
        last, left = trials[-1], until - time.perf_counter()
        if _no_gain(trials):
            return BatchSearch(trials, "no gain")
        if batch >= largest:
            return BatchSearch(trials, "largest")
        batch *= 2
        if (1 + LEAST) * batch * last.ms_per_image / 1000 > left:
            return BatchSearch(trials, "time")


def _trial(run: Callable[[], object], batch: int, device: torch.device, seconds: float) -> Trial:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    run()  # kernels are chosen and memory is taken
    median = statistics.median(rounds(lambda: seconds_of(run), seconds, most=20, least=LEAST))
    peak = torch.cuda.max_memory_allocated(device) / MEGABYTE if device.type == "cuda" else None
    return Trial(batch, 1000 * median / batch, peak)


def _no_gain(trials: list[Trial]) -> bool:
    before, recent = trials[:-PATIENCE], trials[-PATIENCE:]
    if not before:
        return False
    best = min(trial.ms_per_image for trial in before)
    return min(trial.ms_per_image for trial in recent) > (1 - GAIN) * best
