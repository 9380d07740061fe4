"""Choosing a processor by name, and what is said of one that cannot compute."""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch

from resformer_unet.errors import EngineError
from resformer_unet.inference.backends import devices
from resformer_unet.inference.backends.devices import choose_device, describe_device, list_devices, may_have_accelerator


def refusal(name: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        choose_device(name)
    return caught.value


def no_accelerators(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_cpu_is_always_there():
    assert choose_device("cpu") == torch.device("cpu") and describe_device(torch.device("cpu")) == "cpu"


def test_auto_is_the_cpu_when_there_is_nothing_else(monkeypatch):
    no_accelerators(monkeypatch)
    assert choose_device() == torch.device("cpu")


def test_auto_takes_the_first_accelerator_that_computes(monkeypatch):
    found = [torch.device("cuda", 0), torch.device("cuda", 1)]
    monkeypatch.setattr(devices, "_accelerators", lambda: found)
    monkeypatch.setattr(devices, "_problem", lambda device: "no kernel image" if device.index == 0 else None)
    assert choose_device("auto") == found[1]


def test_auto_passes_over_a_gpu_whose_driver_promises_more_than_it_holds(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    def no_kernel(*arguments, **options):
        raise RuntimeError("CUDA error: no kernel image is available\nCompile with ...")

    monkeypatch.setattr(torch, "ones", no_kernel)
    assert choose_device("auto") == torch.device("cpu")
    error = refusal("cuda")
    assert error.code == "DEVICE_UNUSABLE" and "no kernel image" in str(error) and "Compile" not in str(error)


@pytest.mark.parametrize("name", ["tpu", "gpu", "", "cuda:x", "CPU!", "meta", "xpu"])
def test_a_name_that_is_no_device_is_refused_with_the_names_there_are(name):
    error = refusal(name)
    assert error.code == "DEVICE_UNKNOWN" and "auto, cpu, cuda or mps" in error.hint


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_there_is_refused_with_advice(monkeypatch, name):
    no_accelerators(monkeypatch)
    error = refusal(name)
    assert error.code == "DEVICE_UNUSABLE" and name in error.message and error.hint == "Use auto or cpu."


def test_a_number_beyond_the_last_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "has 2 CUDA devices" in refusal("cuda:2").message


def test_the_cpu_is_listed_by_name_and_last(monkeypatch):
    no_accelerators(monkeypatch)
    (row,) = list_devices()
    assert row["id"] == "cpu" and row["name"] and row["usable"] is True and row["reason"] is None
    assert row["engine"] == f"ONNX Runtime {version('onnxruntime')}"


def test_without_onnx_runtime_pytorch_runs_models_on_the_cpu_and_without_both_nothing_does(monkeypatch):
    no_accelerators(monkeypatch)
    monkeypatch.setattr(devices, "engine_versions", lambda: {"ONNX Runtime": None, "PyTorch": "2.13.0"})
    assert list_devices()[-1]["engine"] == "PyTorch 2.13.0"
    monkeypatch.setattr(devices, "engine_versions", lambda: {"ONNX Runtime": None, "PyTorch": None})
    (row,) = list_devices()
    assert row["engine"] is None and row["usable"] is False and "neither PyTorch nor ONNX Runtime" in row["reason"]


def torch_built_for(monkeypatch, folder: Path, **built: str) -> None:
    """An installed PyTorch with this in its version.py; it cannot be imported."""
    lines = ["__version__ = '2.13.0'", "debug = False"]
    lines += [f"{name}: Optional[str] = {built.get(name)!r}" for name in ("cuda", "hip", "xpu")]
    (folder / "version.py").write_text("\n".join(lines))
    found = importlib.util.spec_from_file_location("torch", folder / "__init__.py")
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: found)
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.mark.parametrize(
    ("built", "driver", "may_have"),
    [
        ({}, True, False),
        ({"cuda": "12.8"}, True, True),
        ({"cuda": "12.8"}, False, False),
        ({"hip": "6.2"}, False, True),
    ],
)
def test_whether_there_can_be_a_graphics_card_is_known_without_loading_pytorch(
    monkeypatch, tmp_path, built, driver, may_have
):
    def load(name):
        if not driver:
            raise OSError(f"{name}: cannot open shared object file")

    torch_built_for(monkeypatch, tmp_path, **built)
    monkeypatch.setattr(devices.ctypes, "CDLL", load)
    assert may_have_accelerator() is may_have


def test_without_pytorch_there_is_no_graphics_card(monkeypatch):
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    assert may_have_accelerator() is False


def test_a_mac_may_have_one(monkeypatch, tmp_path):
    torch_built_for(monkeypatch, tmp_path)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert may_have_accelerator() is True


def test_each_gpu_is_listed_with_the_reason_why_it_cannot_be_used(monkeypatch):
    found = [torch.device("cuda", 0), torch.device("cuda", 1)]
    monkeypatch.setattr(devices, "_accelerators", lambda: found)
    monkeypatch.setattr(devices, "_problem", lambda device: "its memory is full" if device.index == 0 else None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU number {device.index}")
    engine = f"PyTorch {torch.__version__}"
    assert list_devices()[:2] == [
        {"id": "cuda:0", "name": "GPU number 0", "usable": False, "reason": "its memory is full", "engine": engine},
        {"id": "cuda:1", "name": "GPU number 1", "usable": True, "reason": None, "engine": engine},
    ]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("CUDA error: no kernel image is available for execution on the device", "was not built for this GPU"),
        ("CUDA out of memory. Tried to allocate 20.00 MiB", "its memory is full"),
        ("The NVIDIA driver version is insufficient for CUDA runtime version", "update the driver"),
        ("CUDA error: something else\nCompile with ...", "CUDA error: something else"),
    ],
)
def test_what_a_broken_gpu_says_is_put_into_plain_words(monkeypatch, told, words):
    def broken(*arguments, **options):
        raise RuntimeError(told)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch, "ones", broken)
    assert words in devices._problem(torch.device("cuda", 0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
def test_a_gpu_that_is_there_is_named():
    assert describe_device(choose_device("cuda:0")) == f"cuda:0 ({torch.cuda.get_device_name(0)})"
