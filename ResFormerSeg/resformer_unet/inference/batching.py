"""The network over the slices of an image, in batches, whatever memory there is and whichever engine runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from resformer_unet.errors import Cancelled, EngineError
from resformer_unet.inference.read_ahead import read_ahead
from resformer_unet.inference.stopwatch import Stopwatch
from resformer_unet.preprocessing.letterbox import Letterbox
from resformer_unet.preprocessing.prepare import PreparedImage

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class NetworkOutput:
    """What a network says of a batch of slices.

    Attributes:
        masks: float32 (n, channels, height, width), probabilities at the network's input size, or ``None``.
        diagnosis: float32 (n, diagnoses), logits, or ``None``.
        features: float32 (n, features), what the encoder makes of the slices, see
            :mod:`.inference.out_of_distribution`; ``None`` unless it was asked for.
    """

    masks: np.ndarray | None
    diagnosis: np.ndarray | None
    features: np.ndarray | None = None


class Engine(Protocol):
    """What runs a network.

    Attributes:
        name: with its version, for instance ``PyTorch 2.13.0``.
        device: where the network is now, for instance ``cuda:0``; description: its name to show.
        batch_size: slices that it is well given at a time there.
    """

    name: str
    device: object
    description: str
    batch_size: int

    def reset(self) -> None:
        """Go back to the wanted device: since the last image, memory may have been freed there."""

    def answer(self, batch: np.ndarray, transpose_tta: bool = False, shown: Letterbox | None = None) -> NetworkOutput:
        """What the network says of float32 (n, channels, height, width).

        Args:
            transpose_tta: show each slice as it is and with rows and columns exchanged, and average the two, so that an
                upright and a lying picture have the same answer; needs a square input.
            shown: where the slices lie in the batch, if their features are wanted.

        Raises:
            EngineError: NETWORK_NOT_FINITE.
            MemoryError: when there is no room for so many slices.
        """

    def retreat(self) -> bool:
        """Go to a device with more memory; false when there is none."""


@dataclass(frozen=True)
class SliceBatch:
    """The network's answers for slices ``first``... of an image."""

    first: int
    answers: NetworkOutput

    def __len__(self) -> int:
        masks, diagnosis = self.answers.masks, self.answers.diagnosis
        return len(diagnosis if masks is None else masks)


class SliceRunner:
    """Runs a network slice-wise; goes on with a smaller batch, or on the CPU, once memory has run out.

    Attributes:
        engine: what runs the network.
        warnings: what the user should be told of the last image, rows with ``code`` and ``message``.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
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

        ``transpose_tta`` as in :meth:`Engine.answer`, ``features`` as in :class:`NetworkOutput`; ``watch`` is
        given the steps ``prepare`` and ``network``.

        Raises:
            Cancelled: between two batches, when ``cancelled()`` says so.
            EngineError: NETWORK_NOT_FINITE.
            MemoryError: when there is not even room for one slice on the CPU.
        """
        shown = prepared.letterbox if features else None

        def answer(batch: np.ndarray) -> NetworkOutput:
            return self.engine.answer(batch, transpose_tta, shown)

        for first, answers in self.batches(prepared, answer, progress, cancelled, watch):
            yield SliceBatch(first, answers)

    def batches(
        self,
        prepared: PreparedImage,
        answer: Callable[[np.ndarray], Answer],
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        watch: Stopwatch | None = None,
    ) -> Iterator[tuple[int, Answer]]:
        """(first slice, ``answer(batch)``) for batches in the order of the slices, as :meth:`run` gives them.

        The next batch is prepared while the network works on this one.

        ``answer`` is given float32 (n, channels, height, width), and asked again for fewer slices when it raised
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
                        answered = answer(batch)
                except MemoryError as error:
                    self._need_less_memory(error)
                    continue
                yield first, answered
                waiting = waiting[len(batch) :]
                first = place.stop - len(waiting)
                if progress:
                    progress(first, total)

    def _reset(self) -> None:
        self.engine.reset()
        self.batch_size = self.engine.batch_size
        self.warnings.clear()

    def _need_less_memory(self, error: MemoryError) -> None:
        device = self.engine.device
        if self.batch_size > 1:
            self.batch_size //= 2
            self._tell("BATCH_HALVED", f"Memory ran out on {device}; going on with {self.batch_size} slices at a time.")
        elif self.engine.retreat():
            self._tell("CPU_INSTEAD_OF_GPU", f"Memory ran out on {device} even for one slice; going on on the CPU.")
            self.batch_size = self.engine.batch_size
        else:
            raise MemoryError("There is not enough memory for a single slice.") from error

    def _tell(self, code: str, message: str) -> None:
        self.warnings.append({"code": code, "message": message})


def not_finite() -> EngineError:
    return EngineError(
        "NETWORK_NOT_FINITE",
        "The network's answer is not a number.",
        "The model was damaged or its training diverged: get or train it again, or choose another.",
    )
