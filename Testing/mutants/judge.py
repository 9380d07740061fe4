"""Whether the tests of a package notice a change: they run on a copy of the tree, in a process of their own."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

COPIED = ("ResFormerSeg", "Testing", "benchmarks", "pyproject.toml")
SURVIVED, NOTICED, OUT_OF_TIME = "survived", "noticed", "out of time"
FORK = multiprocessing.get_context("fork")


def load_libraries() -> None:
    """Import what most tests need, once, before processes are forked; nothing of the project's own."""
    import jsonschema  # noqa: F401
    import pytest  # noqa: F401
    import safetensors.torch  # noqa: F401
    import scipy.ndimage  # noqa: F401
    import SimpleITK  # noqa: F401
    import skimage.measure  # noqa: F401
    import torch  # noqa: F401


def copy_tree(source: Path, tree: Path) -> None:
    shutil.rmtree(tree, ignore_errors=True)
    for name in COPIED:
        copy = shutil.copytree if (source / name).is_dir() else shutil.copy2
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        copy(source / name, tree / name, **({"ignore": _leave_out} if copy is shutil.copytree else {}))


def _leave_out(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


def verdict(tree: Path, file: str, mutated: str, tests: Sequence[str], limit_s: float) -> str:
    """`SURVIVED` if the tests pass although the file has the text `mutated`. The file is as before afterwards."""
    path = tree / file
    original = path.read_text(encoding="utf-8")
    path.write_text(mutated, encoding="utf-8")
    try:
        passed, _ = run_tests(tree, tests, limit_s)
    finally:
        path.write_text(original, encoding="utf-8")
    return OUT_OF_TIME if passed is None else SURVIVED if passed else NOTICED


def run_tests(tree: Path, tests: Sequence[str], limit_s: float) -> tuple[bool | None, float]:
    """Whether pytest passes in the tree, `None` if it takes longer than the limit; and how long it took, in seconds."""
    began = time.monotonic()
    process = FORK.Process(target=_pytest, args=(tree, tests))
    process.start()
    process.join(limit_s)
    passed = None if process.is_alive() else process.exitcode == 0
    try:
        os.killpg(process.pid, signal.SIGKILL)  # also what the tests may have started and left
    except ProcessLookupError:
        pass
    process.join()
    return passed, time.monotonic() - began


def _pytest(tree: Path, tests: Sequence[str]) -> None:
    import pytest

    os.setsid()
    os.chdir(tree)
    # No byte code: two versions of a file may have the same size and time.
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(str(tree / name) for name in ("ResFormerSeg", "Testing")),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    sys.dont_write_bytecode = True
    with (tree / "pytest.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        options = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={tree / 'tmp'}"]
        code = pytest.main([*options, *tests])
        sys.stdout.flush()
    os._exit(int(code))
