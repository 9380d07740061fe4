"""Runs the network over the slices of an image in batches, on any backend, and with smaller ones if memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from resformer_unet.errors import Cancelled
from resformer_unet.inference.backends.backend import Backend, NetworkOutput, NoRoomForNetwork
from resformer_unet.inference.out_of_distribution import mean_features
from resformer_unet.inference.pipeline import Stopwatch, read_ahead
from resformer_unet.preprocessing.prepare import PreparedImage

Output = TypeVar("Output")


@dataclass(frozen=True)
class SliceBatch:
    """The network's output for slices ``first``... of an image."""

    first: int
    output: NetworkOutput

    def __len__(self) -> int:
        return len(self.output)


class SliceRunner:
    """Runs a network slice-wise; continues with a smaller batch, or on the CPU, once memory has run out.

    Attributes:
        backend: runs the network.
        warnings: on the last image, for the user; rows with ``code`` and ``message``.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.warnings: list[dict] = []
        self._reset()

    def run(
        self,
        prepared: PreparedImage,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        *,
        transpose_tta: bool = False,
        features: bool = False,
        watch: Stopwatch | None = None,
    ) -> Iterator[SliceBatch]:
        """Batches in the order of the slices; ``progress`` is called with (slices done, slices in all).

        ``transpose_tta`` as in :meth:`.Backend.predict`, ``features`` as in :class:`NetworkOutput`; ``watch`` is
        given the steps ``prepare`` and ``network``.

        Raises:
            Cancelled: between two batches, when ``cancelled()`` says so.
            EngineError: NETWORK_NOT_FINITE.
            MemoryError: when even one slice does not fit into memory on the CPU.
        """
        pool = partial(mean_features, letterbox=prepared.letterbox) if features else None

        def predict(batch: np.ndarray) -> NetworkOutput:
            return self.backend.predict(batch, transpose_tta, pool)

        for first, output in self.batches(prepared, predict, progress, cancelled, watch):
            yield SliceBatch(first, output)

    def batches(
        self,
        prepared: PreparedImage,
        compute: Callable[[np.ndarray], Output],
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        watch: Stopwatch | None = None,
    ) -> Iterator[tuple[int, Output]]:
        """(first slice, ``compute(batch)``) for batches in the order of the slices, as :meth:`run` gives them.

        The next batch is prepared while the network runs on this one.

        ``compute`` takes float32 (n, channels, height, width), and is called again with fewer slices when it raised
        ``MemoryError``.
        """
        watch = watch or Stopwatch()
        self._reset()

        def prepare(place: slice) -> np.ndarray:
            with watch.step("prepare"):
                return prepared.batch(place.start, place.stop)

        total, size = len(prepared), self.batch_size
        places = [slice(first, min(first + size, total)) for first in range(0, total, size)]
        for place, preparing in read_ahead(places, prepare):
            first, waiting = place.start, preparing.result()
            while len(waiting):
                if cancelled and cancelled():
                    raise Cancelled
                batch = waiting[: self.batch_size]
                try:
                    with watch.step("network"):
                        output = compute(batch)
                except MemoryError as error:
                    self._need_less_memory(error)
                    continue
                yield first, output
                waiting = waiting[len(batch) :]
                first = place.stop - len(waiting)
                if progress:
                    progress(first, total)

    def _reset(self) -> None:
        self.backend.reset()
        self.batch_size = self.backend.batch_size
        self.warnings.clear()

    def _need_less_memory(self, error: MemoryError) -> None:
        device = self.backend.device
        no_room = isinstance(error, NoRoomForNetwork)
        if self.batch_size > 1 and not no_room:
            self.batch_size //= 2
            self._warn(
                "BATCH_HALVED", f"Memory ran out on {device}; continuing with {self.batch_size} slices at a time."
            )
        elif self.backend.fall_back_to_cpu():
            for_what = "has no memory for the network" if no_room else "ran out of memory even for one slice"
            self._warn("CPU_INSTEAD_OF_GPU", f"The device {device} {for_what}; continuing on the CPU.")
            self.batch_size = self.backend.batch_size
        else:
            raise MemoryError("There is not enough memory for a single slice.") from error

    def _warn(self, code: str, message: str) -> None:
        self.warnings.append({"code": code, "message": message})
