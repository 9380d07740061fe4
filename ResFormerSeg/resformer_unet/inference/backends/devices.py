"""The devices of this computer; :mod:`.backends.choice` picks the backend that runs a model there."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from resformer_unet.errors import EngineError, shown

if TYPE_CHECKING:
    import torch

PACKAGES = {"ONNX Runtime": "onnxruntime", "PyTorch": "torch"}

# cpu:onnx and cpu:torch ask for one backend.
DEVICE_NAMES = r"auto|cpu(:onnx|:torch)?|cuda(:\d{1,4})?|mps(:0)?"

# What PyTorch says of a GPU that is there and cannot compute, and what it means.
_EXPLANATIONS = {
    "no kernel image": "the installed PyTorch was not built for this GPU (no kernel image is available)",
    "out of memory": "its memory is full; close other programs that use it",
    "driver version is insufficient": "its driver is older than the installed PyTorch needs; update the driver",
    "busy or unavailable": "another program has reserved it",
}


def check_device_name(name: object) -> str:
    """The name of a device; it need not be one of this computer's.

    Raises:
        EngineError: DEVICE_UNKNOWN.
    """
    if not isinstance(name, str) or not re.fullmatch(DEVICE_NAMES, name, re.ASCII):
        hint = "Use auto, cpu, cuda or mps, in small letters; of several GPUs cuda:0, cuda:1 and so on."
        raise EngineError("DEVICE_UNKNOWN", f"There is no device called {shown(name)}.", hint)
    return str(name)


def choose_device(name: str = "auto") -> torch.device:
    """PyTorch's device of that name; ``auto`` takes a usable GPU, else the CPU.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises:
        EngineError: DEVICE_UNKNOWN, or DEVICE_UNUSABLE when the device is asked for by name and cannot compute.
    """
    import torch

    if name == "auto":
        return next((device for device in _accelerators() if _problem(device) is None), torch.device("cpu"))
    try:
        device = torch.device(check_device_name(name))
    except RuntimeError:  # cpu:onnx, or a number that PyTorch has no room for
        raise EngineError("DEVICE_UNKNOWN", f"There is no device called {shown(name)}.", "Use auto or cpu.") from None
    problem = None if device.type == "cpu" else _problem(device)
    if problem:
        raise EngineError("DEVICE_UNUSABLE", f"The device {name} cannot be used: {problem}.", "Use auto or cpu.")
    return device


def describe_device(device: torch.device) -> str:
    """Name to show, for instance ``cuda:0 (NVIDIA H100)`` or ``cpu``."""
    return f"{device} ({_gpu_name(device)})" if device.type == "cuda" else str(device)


def list_devices() -> list[dict]:
    """The processors of this computer, best first.

    Rows have ``id`` (for :func:`.load_backend`), ``name``, ``usable``, ``reason`` (why it cannot be used, in
    plain words, or ``None``) and ``engine`` (what runs models there). The CPU is last. Graphics cards are found by
    PyTorch alone.
    """
    rows = []
    versions = engine_versions()
    torch = versions["PyTorch"] and f"PyTorch {versions['PyTorch']}"
    onnx = versions["ONNX Runtime"] and f"ONNX Runtime {versions['ONNX Runtime']}"
    for device in _accelerators():
        problem = _problem(device)
        name = _gpu_name(device)
        rows.append({"id": str(device), "name": name, "usable": problem is None, "reason": problem, "engine": torch})
    problem = None if onnx or torch else "neither PyTorch nor ONNX Runtime is installed"
    return [
        *rows,
        {"id": "cpu", "name": _cpu_name(), "usable": problem is None, "reason": problem, "engine": onnx or torch},
    ]


def engine_versions() -> dict[str, str | None]:
    """Versions of the packages that run models, ``None`` for one that is not installed; neither is loaded."""
    return {name: package_version(package) if is_installed(package) else None for name, package in PACKAGES.items()}


def package_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # put there by hand
        return "?"


def usable_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # ValueError: a module without a specification
        return False


def may_have_accelerator() -> bool:
    """False when PyTorch surely cannot use a GPU, found without loading it, which takes a second or more:
    it is not installed, or was built for the CPU alone, or there is no NVIDIA driver."""
    try:
        torch_folder = Path(importlib.util.find_spec("torch").origin).parent
    except (AttributeError, ImportError, ValueError):
        return False
    if sys.platform == "darwin":
        return True
    try:
        built_for = re.findall(r"^(cuda|hip|xpu)\b.*= *['\"]", (torch_folder / "version.py").read_text("utf-8"), re.M)
    except OSError:
        return True
    if built_for != ["cuda"]:
        return bool(built_for)
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def _accelerators() -> list[torch.device]:
    if not may_have_accelerator():
        return []
    import torch

    found = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return [*found, torch.device("mps")] if torch.backends.mps.is_available() else found


def _gpu_name(device: torch.device) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else "Apple GPU"


def _problem(device: torch.device) -> str | None:
    """Why a device cannot compute, learnt by running one real kernel: a driver may promise more than it holds."""
    import torch

    if device.type == "cuda" and not torch.cuda.is_available():
        return "PyTorch finds no NVIDIA GPU, or was installed without CUDA"
    if device.type == "mps" and not torch.backends.mps.is_available():
        return "this is not a Mac with a Metal GPU"
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        return f"this computer has {torch.cuda.device_count()} CUDA devices, counted from 0"
    try:
        torch.nn.functional.conv2d(
            torch.ones(1, 1, 8, 8, device=device), torch.ones(1, 1, 3, 3, device=device)
        ).sum().item()
    except RuntimeError as error:
        message = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        return next((words for sign, words in _EXPLANATIONS.items() if sign in message), message)
    return None


def _cpu_name() -> str:
    if sys.platform == "linux":  # where the standard library knows the architecture only
        try:
            lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        except OSError:
            lines = []
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine() or "CPU"
