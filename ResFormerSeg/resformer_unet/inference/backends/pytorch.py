"""PyTorch as the engine: on a graphics card, or on the CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from resformer_unet.inference.backends.devices import describe_device
from resformer_unet.inference.backends.encoder_tap import EncoderTap
from resformer_unet.inference.batching import NetworkOutput, not_finite
from resformer_unet.model.network import Logits, ResFormerUNet
from resformer_unet.preprocessing.letterbox import Letterbox

Answer = TypeVar("Answer")

BATCH = {"cpu": 8, "cuda": 32, "mps": 16}


@torch.inference_mode()
def forward(network: ResFormerUNet, batch: Tensor, transpose_tta: bool = False) -> tuple[Tensor | None, Tensor | None]:
    """The network's answers for slices that are already where the network is.

    Args:
        batch: float32 (n, channels, height, width).
        transpose_tta: as in :meth:`.Engine.answer`.

    Returns:
        Mask probabilities float32 (n, channels, height, width) and diagnosis logits float32 (n, diagnoses), each
        ``None`` without that task.

    Raises:
        EngineError: NETWORK_NOT_FINITE.
    """
    masks, diagnosis = _forward_once(network, batch)
    if transpose_tta:
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
        raise not_finite()
    masks = logits.segmentation
    if masks is not None:
        masks = masks.float()
        masks = masks.softmax(1) if network.config.exclusive else masks.sigmoid()
    return masks, None if logits.diagnosis is None else logits.diagnosis.float()


def _finite(logits: Logits) -> bool:
    return all(
        bool(answer.isfinite().all()) for answer in (logits.segmentation, logits.diagnosis) if answer is not None
    )


class TorchEngine:
    """A network in PyTorch, see :class:`.Engine`; from a full graphics card it can go to the CPU."""

    def __init__(self, network: ResFormerUNet, device: torch.device) -> None:
        self.network = network.to(device, memory_format=torch.channels_last).eval()
        self.name = f"PyTorch {torch.__version__}"
        self._wanted = self.device = self._placed = device

    @property
    def description(self) -> str:
        return describe_device(self.device)

    @property
    def batch_size(self) -> int:
        return BATCH.get(self.device.type, 8)

    def reset(self) -> None:
        self.device = self._wanted

    def answer(self, batch: np.ndarray, transpose_tta: bool = False, shown: Letterbox | None = None) -> NetworkOutput:
        def ask(network: ResFormerUNet, tensor: Tensor) -> NetworkOutput:
            with EncoderTap(network, shown, transpose_tta) if shown else contextlib.nullcontext() as tap:
                masks, diagnosis = (
                    None if x is None else x.cpu().numpy() for x in forward(network, tensor, transpose_tta)
                )
                return NetworkOutput(masks, diagnosis, tap and tap.features())

        return self.ask(ask, batch)

    def ask(self, question: Callable[[ResFormerUNet, Tensor], Answer], batch: np.ndarray) -> Answer:
        """``question(network, batch)`` with both on the device.

        Raises:
            MemoryError: when memory ran out there.
        """
        with _memory_errors(self.device):
            if self._placed != self.device:  # with every batch, going over all weights would take its time
                self._placed = None  # a move may stop half-way
                self.network.to(self.device)
                self._placed = self.device
            return question(self.network, torch.from_numpy(batch).to(self.device))

    def retreat(self) -> bool:
        if self.device.type == "cpu":
            return False
        self.device = torch.device("cpu")
        return True


@contextlib.contextmanager
def _memory_errors(device: torch.device) -> Iterator[None]:
    """Makes PyTorch's errors for want of memory ``MemoryError``: torch.OutOfMemoryError is one, the CPU's allocator
    raises a plain one."""
    try:
        yield
    except RuntimeError as error:
        told = str(error)
        if not isinstance(error, torch.OutOfMemoryError) and not any(
            sign in told for sign in ("allocate memory", "out of memory")
        ):
            raise
        if device.type == "cuda":
            torch.cuda.empty_cache()
        raise MemoryError(told) from error
