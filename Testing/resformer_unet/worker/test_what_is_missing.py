"""The worker without memory, and without packages that it would need."""

from __future__ import annotations

import numpy as np
import pytest

from golden.cases import golden_cases
from helpers.worker_talk import ENDS, PATIENCE, WorkerProcess

FULL_MEMORY = """
import resformer_unet.worker.main as worker
def fail(self, command, context):
    raise MemoryError
worker.Commands.run = fail
worker.main()
"""


def test_out_of_memory_is_an_error_with_a_hint():
    worker = WorkerProcess(("-c", FULL_MEMORY))
    worker.send(command="predict", id="a")
    error = worker.wait_for(*ENDS)
    assert error["code"] == "OUT_OF_MEMORY" and error["hint"]
    assert worker.close() == 0


READING_FAILS = """
import resformer_unet.worker.main as worker
def fail(self, commands):
    next(iter(commands))
    raise MemoryError
worker.Worker._read = fail
worker.main()
"""


def test_a_worker_that_can_no_longer_read_commands_ends_instead_of_waiting_for_them():
    worker = WorkerProcess(("-c", READING_FAILS))
    worker.send(command="predict", id="a")
    assert worker.process.wait(PATIENCE) == 1
    worker.rest()
    assert b"MemoryError" in worker.log


WITHOUT = """
import sys
sys.modules["{package}"] = None
import resformer_unet.worker.main as worker
worker.main()
"""


def test_a_missing_package_is_named():
    worker = WorkerProcess(("-c", WITHOUT.format(package="scipy")))
    worker.send(command="compare", id="a", first="", second="", segments=[], affine_lps=np.eye(4).tolist())
    error = worker.wait_for(*ENDS)
    assert error["code"] == "ENGINE_INCOMPLETE" and "'scipy" in error["message"] and error["hint"]
    assert worker.close() == 0


def test_without_pytorch_the_devices_are_listed_nevertheless():
    pytest.importorskip("onnxruntime")
    worker = WorkerProcess(("-c", WITHOUT.format(package="torch")))
    worker.send(command="devices", id="a")
    result = worker.wait_for(*ENDS)
    (device,) = result["devices"]
    assert device["id"] == "cpu" and device["usable"] and device["engine"].startswith("ONNX Runtime")
    assert result["versions"]["torch"] is None and result["versions"]["onnxruntime"] in device["engine"]
    assert worker.close() == 0


def test_without_pytorch_an_image_is_segmented_and_diagnosed_all_the_same(worker, tmp_path):
    """By a shipped model, which brings its graph; exporting one here would take half a minute."""
    case = golden_cases()["head"]
    np.save(tmp_path / "head.npy", case.voxels)
    image = {"array": str(tmp_path / "head.npy"), "affine_lps": case.affine.tolist(), "name": "head"}
    without = WorkerProcess(("-c", WITHOUT.format(package="torch")))
    results = []
    for process, device in ((without, "auto"), (worker, "cpu:torch")):
        output = tmp_path / device.replace(":", "-")
        output.mkdir()
        process.send(
            command="predict", id=device, image=image, model=case.model, device=device, output=str(output), options=None
        )
        results.append(process.wait_for(*ENDS))
    assert without.close() == 0
    engines = [result["report"].pop("engine").split()[0] for result in results]
    assert engines == ["ONNX", "PyTorch"]
    layers = [np.load(result["labels"]) for result in results]
    assert layers[0].any() and np.array_equal(*layers)
    first, second = (result["report"]["diagnosis"]["probability"] for result in results)
    assert first == pytest.approx(second, abs=1e-4)
