"""Which engine runs a model, on which device.

A graphics card needs PyTorch. On the CPU, ONNX Runtime is quicker and does without PyTorch, which runs the model there
when ONNX Runtime is not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resformer_unet.errors import EngineError
from resformer_unet.inference.backends.devices import choose_device, is_installed, may_have_accelerator
from resformer_unet.inference.batching import Engine
from resformer_unet.model.bundle import ModelBundle, load_network

if TYPE_CHECKING:
    from resformer_unet.inference.backends.pytorch import TorchEngine

CPU_ONNX, CPU_TORCH = "cpu:onnx", "cpu:torch"  # for who wants one of the two


def load_engine(bundle: ModelBundle, device: str = "auto") -> Engine:
    """What runs the model.

    Args:
        device: ``auto`` (a usable graphics card, else the CPU), ``cpu`` (by ONNX Runtime where that is possible, else
            by PyTorch), ``cpu:onnx`` or ``cpu:torch`` (by this one alone), or one of :func:`.choose_device`.

    Raises:
        EngineError: ONNX_RUNTIME_MISSING, PYTORCH_MISSING, ENGINE_MISSING; those of
            :func:`.choose_device`, :func:`.load_network` and :class:`.OnnxEngine`.
    """
    without_onnx = _why_no_onnx()
    if device == CPU_ONNX and without_onnx:
        raise without_onnx
    if device == "auto" and not may_have_accelerator():
        device = "cpu"
    if device in ("cpu", CPU_ONNX) and not without_onnx:
        return _onnx(bundle)
    if not is_installed("torch"):
        raise _why_no_engine(device, without_onnx)
    try:
        chosen = choose_device("cpu" if device == CPU_TORCH else device)
    except (ImportError, OSError):  # a broken installation
        if device == "auto" and not without_onnx:
            return _onnx(bundle)
        raise
    if device == "auto" and chosen.type == "cpu" and not without_onnx:
        return _onnx(bundle)
    from resformer_unet.inference.backends.pytorch import TorchEngine

    return TorchEngine(load_network(bundle), chosen)


def explaining_engine(bundle: ModelBundle, engine: Engine) -> TorchEngine:
    """An engine that can explain a diagnosis: the one that runs the model, if it is PyTorch, or PyTorch on the CPU.

    Raises:
        EngineError: PYTORCH_MISSING, those of :func:`.load_network`.
    """
    if not is_installed("torch"):
        raise EngineError(
            "PYTORCH_MISSING",
            "Explaining a diagnosis needs PyTorch, which is not installed.",
            "Install PyTorch; outlining and diagnosing go on without it.",
        )
    import torch

    from resformer_unet.inference.backends.pytorch import TorchEngine

    return engine if isinstance(engine, TorchEngine) else TorchEngine(load_network(bundle), torch.device("cpu"))


def _onnx(bundle: ModelBundle) -> Engine:
    from resformer_unet.inference.backends.onnx_runtime import OnnxEngine

    return OnnxEngine(bundle)


def _why_no_onnx() -> EngineError | None:
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        return EngineError(
            "ONNX_RUNTIME_MISSING",
            f"ONNX Runtime cannot be loaded: {error}.",
            "Get it with: pip install 'resformer-unet[onnx]'",
        )
    return None


def _why_no_engine(device: str, without_onnx: EngineError | None) -> EngineError:
    if device in ("auto", "cpu"):
        message = (
            f"Neither PyTorch nor ONNX Runtime can run the model. PyTorch is not installed. {without_onnx.message}"
        )
        return EngineError("ENGINE_MISSING", message, "Install PyTorch for a graphics card, ONNX Runtime for the CPU.")
    return EngineError(
        "PYTORCH_MISSING",
        f"The device {device} needs PyTorch, which is not installed.",
        "Install PyTorch, or use the device cpu.",
    )
