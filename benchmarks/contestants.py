"""Networks made ready to run, each as fast as its user could easily have it."""

from __future__ import annotations

import contextlib

import numpy as np
import torch
from torch import Tensor, nn

from measuring import seconds_of
from networks import NETWORKS, ONNX, OURS, build

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
HALF = {"cuda": torch.float16, "cpu": torch.bfloat16}  # half precision by device; the engine uses it on a GPU alone


class TorchContestant:
    """A network under PyTorch: ours as the engine runs it, others in the memory layout that is faster for them.

    layout: of memory, for other networks than ours; None tries both. half: precision; None takes half precision on a
    GPU, as the engine does there, and float32 on the CPU. Float32 is PyTorch's own, which has TF32 in convolutions.
    """

    def __init__(
        self,
        name: str,
        side: int,
        batch: int,
        device: torch.device,
        layout: str | None = None,
        half: bool | None = None,
    ) -> None:
        self._device, self._side = device, side
        self._half = device.type == "cuda" if half is None else half
        self.network: nn.Module = build(name, side)
        if name in OURS:
            from resformer_unet.inference.backends.pytorch import TorchBackend

            self.network = TorchBackend(self.network, device).network
            self.layout = "channels last"
        else:
            self.network.to(device)
            self.layout = layout or self._faster_layout(torch.rand(1, 1, side, side, device=device))
            self.network.to(memory_format=LAYOUTS[self.layout])
        self.take(batch)

    def take(self, batch: int) -> None:
        """Run so many slices at a time from now on."""
        self._images = None  # before there are others
        images = torch.rand(batch, 1, self._side, self._side, device=self._device)
        self._images = images.contiguous(memory_format=LAYOUTS[self.layout])

    def __call__(self) -> None:
        self._run(self._images)

    def _run(self, images: Tensor) -> None:
        kind = self._device.type
        with torch.inference_mode(), torch.autocast(kind, HALF[kind]) if self._half else contextlib.nullcontext():
            self.network(images)
        if kind == "cuda":
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
    """Our `small` under ONNX Runtime in float32, as PyTorch exports it.

    Raises ImportError for a GPU, unless ONNX Runtime is the build that has the CUDA provider and can load it.
    """

    layout = "contiguous"

    def __init__(self, side: int, batch: int, threads: int, device: torch.device) -> None:
        from resformer_unet.inference.backends.onnx_runtime import import_onnxruntime
        from resformer_unet.model.onnx_graph import IMAGE
        from resformer_unet.training.finish.onnx_export import exported

        onnxruntime = import_onnxruntime()
        provider = PROVIDERS[device.type]
        if provider not in onnxruntime.get_available_providers():
            raise ImportError("the installed ONNX Runtime has no CUDA provider, which onnxruntime-gpu has")
        network = build("small", side)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            exported(network, (side, side)).SerializeToString(), options, providers=[provider]
        )
        if provider not in self._session.get_providers():  # it goes on with the CPU alone, without an error
            raise ImportError("ONNX Runtime could not load its CUDA provider")
        self._name, self._side = IMAGE, side
        self.take(batch)

    def take(self, batch: int) -> None:
        self._images = torch.rand(batch, 1, self._side, self._side).numpy()

    def __call__(self) -> list[np.ndarray]:
        return self._session.run(None, {self._name: self._images})


def contestant(
    name: str,
    side: int,
    batch: int,
    threads: int,
    device: torch.device,
    layout: str | None = None,
    half: bool | None = None,
) -> TorchContestant | OnnxContestant:
    """Something to call for one forward pass of a batch; raises as `networks.build` when it cannot be had here."""
    if name == ONNX:
        return OnnxContestant(side, batch, threads, device)
    return TorchContestant(name, side, batch, device, layout, half)


ALL = (*NETWORKS, ONNX)
