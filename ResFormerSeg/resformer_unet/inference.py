"""The network over the slices of an image, in batches, whatever memory there is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from .errors import Cancelled, EngineError
from .network import Logits, ResFormerUNet
from .preprocess import PreparedImage
from .stopwatch import Stopwatch

Answer = TypeVar("Answer")

BATCH = {"cpu": 8, "cuda": 32, "mps": 16}


@torch.inference_mode()
def forward(network: ResFormerUNet, batch: Tensor, both_ways: bool = False) -> tuple[Tensor | None, Tensor | None]:
    """The network's answers for slices that are already where the network is.

    Args:
        batch: float32 (n, channels, height, width), as :meth:`.preprocess.PreparedImage.batch` gives it.
        both_ways: show each slice as it is and with rows and columns exchanged, and average the two, so that an
            upright and a lying picture have the same answer; needs a square input.

    Returns:
        Mask probabilities float32 (n, channels, height, width) and diagnosis logits float32 (n, diagnoses), each
        ``None`` without that task.

    Raises:
        EngineError: NETWORK_NOT_FINITE.
    """
    masks, diagnosis = _forward_once(network, batch)
    if both_ways:
        turned_masks, turned_diagnosis = _forward_once(network, batch.transpose(2, 3))
        masks = None if masks is None else (masks + turned_masks.transpose(2, 3)) / 2
        diagnosis = None if diagnosis is None else (diagnosis + turned_diagnosis) / 2
    return masks, diagnosis


def _forward_once(network: ResFormerUNet, batch: Tensor) -> tuple[Tensor | None, Tensor | None]:
    batch = batch.contiguous(memory_format=torch.channels_last)
    half = batch.device.type == "cuda"
    with torch.autocast("cuda", torch.float16) if half else contextlib.nullcontext():
        logits = network(batch)
    if half and not _finite(logits):  # beyond the range of half precision, perhaps
        logits = network(batch)
    if not _finite(logits):
        raise EngineError(
            "NETWORK_NOT_FINITE",
            "The network's answer is not a number.",
            "The model was damaged or its training diverged: get or train it again, or choose another.",
        )
    masks = logits.segmentation
    if masks is not None:
        masks = masks.float()
        masks = masks.softmax(1) if network.config.exclusive else masks.sigmoid()
    return masks, None if logits.diagnosis is None else logits.diagnosis.float()


def _finite(logits: Logits) -> bool:
    return all(
        bool(answer.isfinite().all()) for answer in (logits.segmentation, logits.diagnosis) if answer is not None
    )


@dataclass(frozen=True)
class SliceBatch:
    """The network's answers for slices ``first``... of an image, on the CPU.

    Attributes:
        masks: float32 (n, channels, height, width), probabilities at the network's input size, or ``None``.
        diagnosis: float32 (n, diagnoses), logits, or ``None``.
    """

    first: int
    masks: Tensor | None
    diagnosis: Tensor | None


class SliceRunner:
    """Runs a network slice-wise; goes on with a smaller batch, or on the CPU, once memory has run out.

    Attributes:
        device: where the network is now; each image starts on the wanted one, as memory may be free again.
        warnings: what the user should be told of the last image, rows with ``code`` and ``message``.
    """

    def __init__(self, network: ResFormerUNet, device: torch.device) -> None:
        self.network = network.to(device, memory_format=torch.channels_last).eval()
        self._wanted = device
        self.warnings: list[dict] = []
        self._start_afresh()

    def run(
        self,
        prepared: PreparedImage,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        *,
        both_ways: bool = False,
        watch: Stopwatch | None = None,
    ) -> Iterator[SliceBatch]:
        """Batches in the order of the slices; ``progress`` is called with (slices done, slices in all).

        ``both_ways`` as in :func:`forward`; ``watch`` is given the steps ``prepare`` and ``network``.

        Raises:
            Cancelled: between two batches, when ``cancelled()`` says so.
            EngineError: NETWORK_NOT_FINITE.
            MemoryError: when there is not even room for one slice on the CPU.
        """

        def answer(network: ResFormerUNet, batch: Tensor) -> tuple[Tensor | None, Tensor | None]:
            masks, diagnosis = (None if x is None else x.cpu() for x in forward(network, batch, both_ways))
            return masks, diagnosis

        for first, (masks, diagnosis) in self.batches(prepared, answer, progress, cancelled, watch):
            yield SliceBatch(first, masks, diagnosis)

    def batches(
        self,
        prepared: PreparedImage,
        answer: Callable[[ResFormerUNet, Tensor], Answer],
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        watch: Stopwatch | None = None,
    ) -> Iterator[tuple[int, Answer]]:
        """(first slice, ``answer(network, batch)``) for batches in the order of the slices, as :meth:`run` gives them.

        ``answer`` is given float32 (n, channels, height, width) on the network's device, and asked again for fewer
        slices when it ran out of memory.
        """
        watch = watch or Stopwatch()
        self._start_afresh()
        first, total = 0, len(prepared)
        while first < total:
            if cancelled and cancelled():
                raise Cancelled
            last = min(first + self.batch_size, total)
            try:
                with watch.step("prepare"):
                    batch = prepared.batch(first, last)
                with watch.step("network"):
                    answered = answer(self.network.to(self.device), batch.to(self.device))
            except RuntimeError as error:  # torch.cuda.OutOfMemoryError is one; the CPU's allocator raises a plain one
                if not _out_of_memory(error):
                    raise
                self._need_less_memory(error)
                continue
            yield first, answered
            first = last
            if progress:
                progress(first, total)

    def _start_afresh(self) -> None:
        self.device, self.batch_size = self._wanted, BATCH.get(self._wanted.type, 8)
        self.warnings.clear()

    def _need_less_memory(self, error: RuntimeError) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.batch_size > 1:
            self.batch_size //= 2
            self._tell(
                "BATCH_HALVED", f"Memory ran out on {self.device}; going on with {self.batch_size} slices at a time."
            )
        elif self.device.type != "cpu":
            self._tell(
                "CPU_INSTEAD_OF_GPU", f"Memory ran out on {self.device} even for one slice; going on on the CPU."
            )
            self.device = torch.device("cpu")
            self.batch_size = BATCH["cpu"]
        else:
            raise MemoryError("There is not enough memory for a single slice.") from error

    def _tell(self, code: str, message: str) -> None:
        self.warnings.append({"code": code, "message": message})


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)
