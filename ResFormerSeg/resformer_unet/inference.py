"""The network over the slices of an image, in batches, whatever memory there is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import Cancelled
from .network import ResFormerUNet
from .preprocess import PreparedImage

BATCH = {"cpu": 8, "cuda": 32, "mps": 16}


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
    """Runs a network slice-wise; keeps to a smaller batch, or to the CPU, once memory has run out.

    Attributes:
        device: where the network is now.
        warnings: what the user should be told, rows with ``code`` and ``message``.
    """

    def __init__(self, network: ResFormerUNet, device: torch.device) -> None:
        self.network = network.to(device, memory_format=torch.channels_last).eval()
        self.device = device
        self.batch_size = BATCH.get(device.type, 8)
        self.warnings: list[dict] = []

    def run(
        self,
        prepared: PreparedImage,
        progress: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Iterator[SliceBatch]:
        """Batches in the order of the slices; ``progress`` is called with (slices done, slices in all).

        Raises:
            Cancelled: between two batches, when ``cancelled()`` says so.
        """
        first, total = 0, len(prepared)
        while first < total:
            if cancelled and cancelled():
                raise Cancelled
            last = min(first + self.batch_size, total)
            try:
                masks, diagnosis = self._forward(prepared.batch(first, last))
            except RuntimeError as error:  # torch.cuda.OutOfMemoryError is one; the CPU's allocator raises a plain one
                if not _out_of_memory(error):
                    raise
                self._need_less_memory(error)
                continue
            yield SliceBatch(first, masks, diagnosis)
            first = last
            if progress:
                progress(first, total)

    @torch.inference_mode()
    def _forward(self, batch: Tensor) -> tuple[Tensor | None, Tensor | None]:
        half = (
            torch.autocast(self.device.type, torch.float16) if self.device.type == "cuda" else contextlib.nullcontext()
        )
        with half:
            logits = self.network(batch.to(self.device, memory_format=torch.channels_last))
        masks = logits.segmentation
        if masks is not None:
            masks = masks.float()
            masks = (masks.softmax(1) if self.network.config.exclusive else masks.sigmoid()).cpu()
        return masks, None if logits.diagnosis is None else logits.diagnosis.float().cpu()

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
            self.network.to(self.device)
        else:
            raise MemoryError("There is not enough memory for a single slice.") from error

    def _tell(self, code: str, message: str) -> None:
        self.warnings.append({"code": code, "message": message})


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)
