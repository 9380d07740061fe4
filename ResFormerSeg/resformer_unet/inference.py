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
    """
    masks, diagnosis = _forward_once(network, batch)
    if both_ways:
        turned_masks, turned_diagnosis = _forward_once(network, batch.transpose(2, 3))
        masks = None if masks is None else (masks + turned_masks.transpose(2, 3)) / 2
        diagnosis = None if diagnosis is None else (diagnosis + turned_diagnosis) / 2
    return masks, diagnosis


def _forward_once(network: ResFormerUNet, batch: Tensor) -> tuple[Tensor | None, Tensor | None]:
    on_cuda = batch.device.type == "cuda"
    with torch.autocast("cuda", torch.float16) if on_cuda else contextlib.nullcontext():
        logits = network(batch.contiguous(memory_format=torch.channels_last))
    masks = logits.segmentation
    if masks is not None:
        masks = masks.float()
        masks = masks.softmax(1) if network.config.exclusive else masks.sigmoid()
    return masks, None if logits.diagnosis is None else logits.diagnosis.float()


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
        *,
        both_ways: bool = False,
    ) -> Iterator[SliceBatch]:
        """Batches in the order of the slices; ``progress`` is called with (slices done, slices in all).

        ``both_ways`` as in :func:`forward`.

        Raises:
            Cancelled: between two batches, when ``cancelled()`` says so.
        """
        first, total = 0, len(prepared)
        while first < total:
            if cancelled and cancelled():
                raise Cancelled
            last = min(first + self.batch_size, total)
            try:
                masks, diagnosis = forward(self.network, prepared.batch(first, last).to(self.device), both_ways)
            except RuntimeError as error:  # torch.cuda.OutOfMemoryError is one; the CPU's allocator raises a plain one
                if not _out_of_memory(error):
                    raise
                self._need_less_memory(error)
                continue
            yield SliceBatch(first, _on_cpu(masks), _on_cpu(diagnosis))
            first = last
            if progress:
                progress(first, total)

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


def _on_cpu(answer: Tensor | None) -> Tensor | None:
    return None if answer is None else answer.cpu()


def _out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)
