"""PyTorch as the backend: on a GPU, or on the CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from resformer_unet.inference.backends.backend import NetworkOutput, NoRoomForNetwork, Pooling, not_finite
from resformer_unet.inference.backends.devices import describe_device, usable_processors
from resformer_unet.model.network import Logits, ResFormerUNet

Result = TypeVar("Result")

BATCH = {"cpu": 8, "cuda": 32, "mps": 16}


@torch.inference_mode()
def forward(
    network: ResFormerUNet, batch: Tensor, transpose_tta: bool = False
) -> tuple[Tensor | None, Tensor | None, list[tuple[Tensor, ...]]]:
    """Predictions for slices that are already where the network is.

    Args:
        batch: float32 (n, channels, height, width).
        transpose_tta: as in :meth:`.Backend.predict`.

    Returns:
        Mask probabilities float32 (n, channels, height, width), diagnosis logits float32 (n, diagnoses), each ``None``
        without that task, and the features of the middle levels: those of the slices and, with transpose TTA, of their
        transposes, transposed back.

    Raises:
        EngineError: NETWORK_NOT_FINITE.
    """
    masks, diagnosis, features = _forward_once(network, batch)
    passes = [features]
    if transpose_tta:
        other = _forward_once(network, batch.transpose(2, 3))
        masks = None if masks is None else (masks + other.segmentation.transpose(2, 3)) / 2
        diagnosis = None if diagnosis is None else (diagnosis + other.diagnosis) / 2
        passes.append(tuple(level.transpose(2, 3) for level in other.features))
    return masks, diagnosis, passes


def _forward_once(network: ResFormerUNet, batch: Tensor) -> Logits:
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
    return Logits(masks, None if logits.diagnosis is None else logits.diagnosis.float(), logits.features)


def _finite(logits: Logits) -> bool:
    return all(bool(x.isfinite().all()) for x in (logits.segmentation, logits.diagnosis) if x is not None)


class TorchBackend:
    """A network in PyTorch, see :class:`.Backend`; it can fall back from a full GPU to the CPU."""

    def __init__(self, network: ResFormerUNet, device: torch.device) -> None:
        if device.type == "cpu":  # OMP_NUM_THREADS may ask for more, which take many times as long
            torch.set_num_threads(min(torch.get_num_threads(), usable_processors()))
        self.network = network.to(memory_format=torch.channels_last).eval()
        self.name = f"PyTorch {torch.__version__}"
        self._wanted = self.device = device
        self._placed: torch.device | None = None
        with contextlib.suppress(NoRoomForNetwork):  # tried again with the first image, then on the CPU
            self._place()

    @property
    def description(self) -> str:
        return describe_device(self.device)

    @property
    def batch_size(self) -> int:
        return BATCH.get(self.device.type, 8)

    def reset(self) -> None:
        self.device = self._wanted

    def predict(self, batch: np.ndarray, transpose_tta: bool = False, pool: Pooling | None = None) -> NetworkOutput:
        def output(network: ResFormerUNet, tensor: Tensor) -> NetworkOutput:
            masks, diagnosis, passes = forward(network, tensor, transpose_tta)
            features = None
            if pool:
                with torch.inference_mode():
                    pooled = [torch.cat(list(pool([level.float() for level in levels])), 1) for levels in passes]
                    features = torch.stack(pooled)
            return NetworkOutput(*(None if x is None else x.cpu().numpy() for x in (masks, diagnosis, features)))

        return self.run(output, batch)

    def run(self, function: Callable[[ResFormerUNet, Tensor], Result], batch: np.ndarray) -> Result:
        """``function(network, batch)`` with both on the device.

        Raises:
            MemoryError: when memory ran out there.
        """
        if self._placed != self.device:  # moving with every batch would go over all weights each time
            self._place()
        with memory_errors(self.device):
            return function(self.network, torch.from_numpy(batch).to(self.device))

    def _place(self) -> None:
        self._placed = None  # a move may stop half-way
        try:
            with memory_errors(self.device):
                self.network.to(self.device)
        except MemoryError as error:
            raise NoRoomForNetwork(str(error)) from error
        self._placed = self.device

    def fall_back_to_cpu(self) -> bool:
        if self.device.type == "cpu":
            return False
        self.device = torch.device("cpu")
        return True


@contextlib.contextmanager
def memory_errors(device: torch.device) -> Iterator[None]:
    """Turns PyTorch's out-of-memory errors into ``MemoryError``: torch.OutOfMemoryError is one, the CPU's allocator
    raises a plain one."""
    try:
        yield
    except RuntimeError as error:
        message = str(error)
        if not isinstance(error, torch.OutOfMemoryError) and not any(
            sign in message
            for sign in ("allocate memory", "out of memory", "_ALLOC_FAILED")  # of cuBLAS and cuDNN
        ):
            raise
        if device.type == "cuda":
            torch.cuda.empty_cache()
        raise MemoryError(message) from error
