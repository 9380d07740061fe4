"""Networks made ready to run, each as fast as its user could easily have it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from measuring import seconds_of
from networks import NETWORKS, ONNX, OURS, build

LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


class TorchContestant:
    """A network under PyTorch: ours as the engine runs it, others in the memory layout that is faster for them.

    layout: of memory, for other networks than ours; None tries both. On a GPU all compute in half precision, as the
    engine does there.
    """

    def __init__(self, name: str, side: int, batch: int, device: torch.device, layout: str | None = None) -> None:
        self._device = device
        self.network: nn.Module = build(name, side)
        images = torch.rand(batch, 1, side, side, device=device)
        if name in OURS:
            from resformer_unet.inference.backends.pytorch import TorchBackend

            self.network = TorchBackend(self.network, device).network
            self.layout = "channels last"
        else:
            self.network.to(device)
            self.layout = layout or self._faster_layout(images[:1])
            self.network.to(memory_format=LAYOUTS[self.layout])
        self._images = images.contiguous(memory_format=LAYOUTS[self.layout])

    def __call__(self) -> None:
        self._run(self._images)

    def _run(self, images: Tensor) -> None:
        on_gpu = self._device.type == "cuda"
        with torch.inference_mode(), torch.autocast("cuda", torch.float16) if on_gpu else contextlib.nullcontext():
            self.network(images)
        if on_gpu:
            torch.cuda.synchronize(self._device)

    def _faster_layout(self, image: Tensor) -> str:
        seconds = {}
        for name, layout in LAYOUTS.items():
            self.network.to(memory_format=layout)
            laid_out = image.contiguous(memory_format=layout)
            self._run(laid_out)
            seconds[name] = seconds_of(lambda laid_out=laid_out: self._run(laid_out))
        return min(seconds, key=seconds.get)


class OnnxContestant:
    """Our `small` under ONNX Runtime on the CPU, as PyTorch exports it."""

    layout = "contiguous"

    def __init__(self, side: int, batch: int, threads: int) -> None:
        from resformer_unet.inference.backends.onnx_runtime import import_onnxruntime
        from resformer_unet.model.onnx_graph import IMAGE
        from resformer_unet.training.finish.onnx_export import exported

        onnxruntime = import_onnxruntime()
        network = build("small", side)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            exported(network, (side, side)).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._input = {IMAGE: torch.rand(batch, 1, side, side).numpy()}

    def __call__(self) -> None:
        self._session.run(None, self._input)


def contestant(
    name: str, side: int, batch: int, threads: int, device: torch.device, layout: str | None = None
) -> Callable[[], None]:
    """Something to call for one forward pass of a batch; raises as `networks.build` when it cannot be had here."""
    if name == ONNX:
        return OnnxContestant(side, batch, threads)
    return TorchContestant(name, side, batch, device, layout)


ALL = (*NETWORKS, ONNX)
