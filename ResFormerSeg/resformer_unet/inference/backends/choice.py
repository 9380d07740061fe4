"""Which backend runs a model, on which device.

A GPU needs PyTorch. On the CPU ONNX Runtime is faster and works without PyTorch; PyTorch runs the model there if ONNX
Runtime is not installed, or if the model has no ONNX graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from resformer_unet.errors import EngineError
from resformer_unet.inference.backends.backend import Backend
from resformer_unet.inference.backends.devices import (
    check_device_name,
    choose_device,
    is_installed,
    may_have_accelerator,
    package_version,
)
from resformer_unet.model.bundle import GRAPH, ModelBundle
from resformer_unet.model.weights import load_network

if TYPE_CHECKING:
    from resformer_unet.inference.backends.pytorch import TorchBackend

CPU_ONNX, CPU_TORCH = "cpu:onnx", "cpu:torch"  # one backend only


def load_backend(bundle: ModelBundle, device: str = "auto") -> Backend:
    """A backend with the model's network.

    Args:
        device: ``auto`` (a usable GPU, else the CPU), ``cpu`` (ONNX Runtime where that is possible, else PyTorch),
            ``cpu:onnx`` or ``cpu:torch`` (this one only), or one of :func:`.choose_device`.

    Raises:
        EngineError: ONNX_RUNTIME_MISSING, PYTORCH_MISSING, ENGINE_MISSING; those of
            :func:`.check_device_name`, :func:`.choose_device`, :func:`.load_network` and :class:`.OnnxBackend`.
    """
    check_device_name(device)
    without_onnx = _why_no_onnx()
    if device == CPU_ONNX:
        if without_onnx:
            raise without_onnx
        return _onnx(bundle)
    has_torch = is_installed("torch")
    # Without PyTorch, a model without a graph goes to ONNX Runtime all the same: the error says what to do.
    onnx_is_possible = not without_onnx and (GRAPH in bundle.descriptor or not has_torch)
    if device == "auto" and not may_have_accelerator():
        device = "cpu"
    if device == "cpu" and onnx_is_possible:
        return _onnx(bundle)
    if not has_torch:
        raise _why_no_backend(device, without_onnx)
    try:
        chosen = choose_device("cpu" if device == CPU_TORCH else device)
    except (ImportError, OSError):  # a broken installation
        if device == "auto" and not without_onnx:
            return _onnx(bundle)
        raise
    if device == "auto" and chosen.type == "cpu" and onnx_is_possible:
        return _onnx(bundle)
    from resformer_unet.inference.backends.pytorch import TorchBackend

    return TorchBackend(load_network(bundle), chosen)


def explanation_backend(bundle: ModelBundle, backend: Backend) -> TorchBackend:
    """A backend that can explain a diagnosis: the given one, if it is PyTorch, or PyTorch on the CPU.

    Raises:
        EngineError: PYTORCH_MISSING, those of :func:`.load_network`.
    """
    if not is_installed("torch"):
        raise EngineError(
            "PYTORCH_MISSING",
            "Explaining a diagnosis needs PyTorch, which is not installed.",
            "Install PyTorch; segmentation and diagnosis work without it.",
        )
    import torch

    from resformer_unet.inference.backends.pytorch import TorchBackend

    return backend if isinstance(backend, TorchBackend) else TorchBackend(load_network(bundle), torch.device("cpu"))


def _onnx(bundle: ModelBundle) -> Backend:
    from resformer_unet.inference.backends.onnx_runtime import OnnxBackend

    return OnnxBackend(bundle)


def _why_no_onnx() -> EngineError | None:
    from resformer_unet.inference.backends.onnx_runtime import import_onnxruntime

    try:
        import_onnxruntime()
    except ModuleNotFoundError as error:
        if error.name == "onnxruntime":
            return EngineError(
                "ONNX_RUNTIME_MISSING", "ONNX Runtime is not installed.", "Get it with: pip install onnxruntime"
            )
        return _broken_onnx(error)
    except Exception as error:  # of its libraries, of any kind
        return _broken_onnx(error)
    return None


def _broken_onnx(error: BaseException) -> EngineError:
    """With the first reason that can be found: an old version beside NumPy 2 raises an exception without a word."""
    versions = f"version {package_version('onnxruntime')}, with NumPy {package_version('numpy')}"
    reason: BaseException | None = error
    while reason is not None and not str(reason):
        reason = reason.__cause__ or reason.__context__
    words = (
        str(reason).rstrip(".") if reason is not None else f"{type(error).__name__}, perhaps one does not fit the other"
    )
    return EngineError(
        "ONNX_RUNTIME_MISSING",
        f"ONNX Runtime ({versions}) cannot be loaded: {words}.",
        "Get a version that fits, with: pip install --upgrade onnxruntime",
    )


def _why_no_backend(device: str, without_onnx: EngineError | None) -> EngineError:
    if device in ("auto", "cpu"):
        return EngineError(
            "ENGINE_MISSING",
            f"No inference engine is installed: PyTorch is missing. {without_onnx.message}",
            "Install ONNX Runtime for the CPU, or PyTorch, which runs on a GPU too.",
        )
    return EngineError(
        "PYTORCH_MISSING",
        f"The device {device} needs PyTorch, which is not installed.",
        "Get it with: pip install 'resformer-unet[torch]', or use the device cpu.",
    )
