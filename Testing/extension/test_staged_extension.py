"""The extension as it is installed, away from the source tree: Slicer's unit tests, with the real engine and models."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import staging

HERE = Path(__file__).resolve().parent


def runUnitTests(staged, *options: str) -> str:
    """Runs all registered tests on the installed module; returns what the run says."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-m", "extension.run_unit_tests", *options, staged.moduleFolder, *staged.unitTests]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=staged.moduleFolder)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stderr


@pytest.fixture(scope="module")
def unitTestRun(staged) -> str:
    return runUnitTests(staged)


def test_cmake_registers_the_self_test_and_every_script_of_unit_tests(staged):
    scripts = {path.name for path in (staging.ROOT / "ResFormerSeg/Testing/Python").glob("*.py")}
    assert {path.name for path in staged.unitTests} == {"ResFormerSeg.py", *scripts}


def test_the_installed_module_passes_slicers_unit_tests_with_the_real_engine(unitTestRun):
    assert re.search(r"^Ran [1-9]\d* tests", unitTestRun, re.MULTILINE)
    assert "skipped" not in unitTestRun


def test_the_worker_ran_the_installed_engine(unitTestRun, staged):
    """Python leaves byte code beside the files that it imported."""
    cached = {path.name.split(".")[0] for path in (staged.moduleFolder / "resformer_unet/__pycache__").iterdir()}
    assert {"worker", "predict", "onnx_runtime"} <= cached


def test_without_pytorch_and_onnx_runtime_the_module_opens_and_says_what_was_not_tried(staged):
    run = runUnitTests(staged, "--without", "torch", "--without", "onnxruntime")
    assert re.search(r"^OK \(skipped=[1-9]", run, re.MULTILINE)
    assert re.search(r"The engine was not tried: onnxruntime not installed", run)


def test_a_file_that_is_listed_but_missing_stops_cmake(tmp_path):
    source = tmp_path / "source"
    (source / "ResFormerSeg").mkdir(parents=True)
    for name in ("CMakeLists.txt", "ResFormerSeg/CMakeLists.txt", "README.md", "LICENSE.txt"):
        (source / name).write_bytes((staging.ROOT / name).read_bytes())
    with pytest.raises(RuntimeError, match="there is no file ResFormerSeg.py"):
        staging.stageExtension(tmp_path / "staged", source)
