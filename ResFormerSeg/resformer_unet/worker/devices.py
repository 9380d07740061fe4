"""The command ``devices``, and whether this process can still use its GPU."""

from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np

from resformer_unet import __version__
from resformer_unet.worker.protocol import CommandContext


def list_devices(command: dict, context: CommandContext) -> dict:
    """The devices that can run a model, and the versions of the software."""
    from resformer_unet.inference.backends import devices

    context.send("status", message="Detecting GPUs")
    rows, engines, torch = devices.list_devices(), devices.engine_versions(), sys.modules.get("torch")
    versions = {
        "python": platform.python_version(),
        "torch": engines["PyTorch"],
        "onnxruntime": engines["ONNX Runtime"],
        "numpy": np.__version__,
        "resformer_unet": __version__,
        "cuda": torch and torch.version.cuda,
        "driver": _driver_version(),
    }
    return {"devices": rows, "versions": versions}


def gpu_is_broken() -> bool:
    """Whether this process has lost its NVIDIA GPU: after a fault, all calls fail until the process ends."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return False
    try:
        for index in range(torch.cuda.device_count()):
            torch.ones(1, device=f"cuda:{index}").add(1).item()
    except torch.OutOfMemoryError:
        return False
    except RuntimeError:
        return True
    return False


def _driver_version() -> str | None:
    """Of the NVIDIA driver; None without one."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        reply = subprocess.run(query, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return reply.stdout.strip().splitlines()[0] if reply.stdout.strip() else None
