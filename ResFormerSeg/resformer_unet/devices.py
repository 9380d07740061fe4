"""Which processor runs the network."""

from __future__ import annotations

import torch

from .errors import EngineError


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; ``auto`` takes a usable GPU, else the CPU.

    Args:
        name: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises:
        EngineError: DEVICE_UNKNOWN, or DEVICE_UNUSABLE when the device is asked for by name and cannot compute.
    """
    if name == "auto":
        return next((device for device in _accelerators() if _problem(device) is None), torch.device("cpu"))
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise EngineError("DEVICE_UNKNOWN", f"There is no device called “{name}”.", "Use auto, cpu, cuda or mps.")
    problem = None if device.type == "cpu" else _problem(device)
    if problem:
        raise EngineError("DEVICE_UNUSABLE", f"The device {name} cannot be used: {problem}", "Use auto or cpu.")
    return device


def describe_device(device: torch.device) -> str:
    """Name to show, for instance ``cuda:0 (NVIDIA H100)`` or ``cpu``."""
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)


def _accelerators() -> list[torch.device]:
    found = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return [*found, torch.device("mps")] if torch.backends.mps.is_available() else found


def _problem(device: torch.device) -> str | None:
    """Why a device cannot compute, learnt by running one real kernel: a driver may promise more than it holds."""
    if device.type == "cuda" and not torch.cuda.is_available():
        return "PyTorch finds no NVIDIA GPU, or was installed without CUDA."
    if device.type == "mps" and not torch.backends.mps.is_available():
        return "this is not a Mac with a Metal GPU."
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        return f"this computer has {torch.cuda.device_count()} CUDA devices, counted from 0."
    try:
        torch.nn.functional.conv2d(
            torch.ones(1, 1, 8, 8, device=device), torch.ones(1, 1, 3, 3, device=device)
        ).sum().item()
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return None
