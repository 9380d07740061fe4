"""The versions that the worker names, and whether it notices that its GPU is broken."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from resformer_unet.worker.devices import gpu_is_broken, list_devices
from resformer_unet.worker.protocol import CommandContext


def driver_version() -> str | None:
    context = CommandContext("a", lambda event, **content: None, lambda: False)
    return list_devices({}, context)["versions"]["driver"]


def install_nvidia_smi(folder: Path, script: str) -> None:
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo 550.54.15; echo 550.54.15", "550.54.15"),
        ('[ "$*" = "--query-gpu=driver_version --format=csv,noheader" ] && echo 470.1', "470.1"),
        ("echo", None),
        ("echo NVIDIA-SMI has failed; exit 9", None),
    ],
    ids=["a line for each GPU", "only the version is requested", "nothing", "no driver"],
)
def test_the_driver_has_the_version_that_nvidia_smi_tells(monkeypatch, tmp_path, script, expected):
    install_nvidia_smi(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert driver_version() == expected


def test_without_nvidia_smi_there_is_no_driver(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert driver_version() is None


def torch_with_gpus(failure: Exception | None, is_initialized: bool = True) -> SimpleNamespace:
    """Stands for PyTorch on a computer with two GPUs, of which the second fails. A real one cannot be broken here."""

    def ones(*size: int, device: str) -> torch.Tensor:
        if failure and device == "cuda:1":
            raise failure
        return torch.ones(*size)

    cuda = SimpleNamespace(is_initialized=lambda: is_initialized, device_count=lambda: 2)
    return SimpleNamespace(cuda=cuda, ones=ones, OutOfMemoryError=torch.OutOfMemoryError)


ILLEGAL_ACCESS = RuntimeError("CUDA error: an illegal memory access was encountered")


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        (torch_with_gpus(ILLEGAL_ACCESS), True),
        (torch_with_gpus(torch.OutOfMemoryError("CUDA out of memory")), False),
        (torch_with_gpus(None), False),
        (torch_with_gpus(ILLEGAL_ACCESS, is_initialized=False), False),
        (None, False),
    ],
    ids=["failing", "full", "working", "not in use", "without PyTorch"],
)
def test_a_gpu_is_broken_if_it_fails_for_another_reason_than_its_memory(monkeypatch, module, broken):
    monkeypatch.setitem(sys.modules, "torch", module)
    assert gpu_is_broken() is broken
