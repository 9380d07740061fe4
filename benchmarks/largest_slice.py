"""The largest square slice that a device takes before the engine's out-of-memory ladder steps in.

    python benchmarks/largest_slice.py [--preset small] [--device cuda] [--seconds 20]

For one slice alone, after which the ladder goes to the CPU, and for the engine's own batch, after which it halves. The
network takes slices at their own size, which models do not: they resize to their input size first. The side is doubled
until memory runs out, then narrowed down. With `--memory-mb` no more than that is left, as `filled_memory.py` does it.
"""

from __future__ import annotations

import argparse
import contextlib
import time

import numpy as np
import torch

from filled_memory import filled
from measuring import put
from networks import OURS, build
from resformer_unet.inference.backends.pytorch import TorchBackend


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=tuple(OURS), default="small")
    parser.add_argument("--device", default="cuda", help="cpu or cuda (default: cuda)")
    parser.add_argument("--start", type=int, default=1024, help="the first side (default: 1024)")
    parser.add_argument("--largest", type=int, default=32768, help="side at most (default: 32768)")
    parser.add_argument("--step", type=int, default=256, help="between sides; a multiple of 32 (default: 256)")
    parser.add_argument("--seconds", type=float, default=20.0, help="for each batch (default: 20)")
    parser.add_argument("--memory-mb", type=int, help="leave no more than this")
    options = parser.parse_args()
    device = torch.device(options.device)
    backend = TorchBackend(build(options.preset, options.start), device)
    backend.predict(np.zeros((1, 1, options.start, options.start), np.float32))  # threads have their stacks
    for batch in (1, backend.batch_size):
        limited = filled(device, options.memory_mb * 10**6) if options.memory_mb else contextlib.nullcontext()
        with limited:
            found = LargestSlice(backend, batch, options.seconds).search(options.start, options.largest, options.step)
        put("largest slice", preset=options.preset, device=backend.description, batch=batch, **found)


class LargestSlice:
    """Searches the largest side that works for so many slices at a time."""

    def __init__(self, backend: TorchBackend, batch: int, seconds: float) -> None:
        self._backend, self._batch = backend, batch
        self._until = time.perf_counter() + seconds
        self._took, self._side = 0.0, 0  # of the last side that worked

    def search(self, start: int, largest: int, step: int) -> dict:
        """side: the largest that worked, 0 without any; beyond: the smallest that did not, or None; ended: why no
        larger one was found, "memory", "time", "largest" or what PyTorch says; seconds: of the largest that worked.
        """
        side, beyond, why = start, None, "largest"
        while side <= largest:
            if self._takes_too_long(side):
                return self._found(beyond, "time")
            why = self._problem(side)
            if why:
                beyond = side
                break
            side *= 2
        while beyond and beyond - max(self._side, 0) > step:
            middle = (self._side + beyond) // 2 // step * step
            if middle in (self._side, 0):
                break
            if self._takes_too_long(middle):
                break
            problem = self._problem(middle)
            if problem:
                beyond, why = middle, problem
        return self._found(beyond, why or "largest")

    def _found(self, beyond: int | None, why: str) -> dict:
        return {"side": self._side, "beyond": beyond, "ended": why, "seconds": self._took}

    def _takes_too_long(self, side: int) -> bool:
        growth = (side / self._side) ** 2 if self._side else 1
        return time.perf_counter() + growth * self._took > self._until

    def _problem(self, side: int) -> str | None:
        began = time.perf_counter()
        try:
            self._backend.predict(np.zeros((self._batch, 1, side, side), np.float32))
        except MemoryError:
            return "memory"
        except RuntimeError as error:  # such as a kernel that cannot count so many pixels
            return str(error).splitlines()[0]
        self._side, self._took = side, time.perf_counter() - began
        return None


if __name__ == "__main__":
    main()
