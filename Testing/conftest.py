"""Makes the test bed and the module importable, and gives a test a fresh scene that is watched."""

import builtins
import gc
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from helpers.marks import markOf
from helpers.paths import MODULE, withHelpers

os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # before anything imports ONNX Runtime
# The tests' networks are too small for threads to pay, and processes that are compared must round alike.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Modules of which tests replace functions.
PATCHED = (builtins, os, os.path, shutil, subprocess, tempfile, threading, time)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """Gives the tests their marks, and puts the files that take long first, so that no process ends with one alone."""
    marks = {item.nodeid: markOf(item.nodeid, item.fixturenames) for item in items}
    for item in items:
        if marks[item.nodeid]:
            item.add_marker(marks[item.nodeid])
    long = {item.path for item in items if marks[item.nodeid]}
    items.sort(key=lambda item: item.path not in long)


def pytest_collection_finish():
    """What was imported so far is no garbage: a collection need not look at it again, which takes half a second with
    the packages for training, after each test that closes a panel."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def bed():
    import slicer_bed

    return slicer_bed.boot()


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """A folder with the untrained models of `helpers.make_tiny_models`; the engine's tests have their own.

    The processes of pytest-xdist share it: making the models means loading PyTorch.
    """
    from resformer_unet.training_set.locking import locked

    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    folder, unfinished = place / "tiny-models", place / "tiny-models.part"
    with locked(place / "tiny-models.lock", RuntimeError("the models are still being made"), seconds=600):
        if not folder.is_dir():
            command = [sys.executable, "-m", "helpers.make_tiny_models", str(unfinished)]
            subprocess.run(command, check=True, env=withHelpers())
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="module")
def logic(module):
    """The logic as users make it; its worker stays warm from test to test, as from run to run."""
    made = module.ResFormerSegLogic()
    yield made
    made.cleanup()


@pytest.fixture
def loggedErrors():
    """For a test of something that fails, and of which the module logs an error: it does not fail for that."""


@pytest.fixture
def scene(bed, request):
    """An empty scene, and no settings of the module.

    The test fails on anything that the application's log would show as an error or a warning, see `slicer_bed.watch`
    (`loggedErrors` allows the module's own), and on a temporary folder left behind. As in the application, the module's
    parameter node and the views' nodes, also those that a loaded scene brought along, outlive the closing of the scene,
    so they are removed.
    """
    from slicer_bed.watch import LOGGED, watch

    _empty(bed)
    bed.app.onProcessEvents = lambda: None
    with watch(bed) as problems:
        yield bed.scene
        _empty(bed)
    if "loggedErrors" in request.fixturenames:
        problems = [problem for problem in problems if not problem.startswith(LOGGED)]
    assert not problems, "\n".join(problems)
    assert not list(Path(bed.temporaryPath).glob("ResFormerSeg-*")), "a temporary folder was left behind"


def _empty(bed) -> None:
    bed.app.settings().remove("ResFormerSeg")  # what the user chose and added
    bed.scene.Clear(False)
    outliving = [bed.scene.GetSingletonNode("ResFormerSeg", "vtkMRMLScriptedModuleNode")]
    for className in ("vtkMRMLSliceCompositeNode", "vtkMRMLAbstractViewNode"):
        nodes = bed.scene.GetNodesByClass(className)
        outliving += [nodes.GetItemAsObject(index) for index in range(nodes.GetNumberOfItems())]
    for node in filter(None, outliving):
        bed.scene.RemoveNode(node)


@pytest.fixture(scope="module", autouse=True)
def noPatches():
    """What the tests of a file put in the place of the system's functions must be gone after them: the next file's
    tests, which differ from run to run with the processes of pytest-xdist, would call it. (PySide6 replaces
    `__import__` for good.)"""
    before = {module: dict(vars(module)) for module in PATCHED}
    yield
    left = [
        f"{module.__name__}.{name}"
        for module, functions in before.items()
        for name, function in functions.items()
        if callable(function) and name != "__import__" and getattr(module, name, None) is not function
    ]
    assert not left, f"still patched after the tests: {', '.join(left)}"


@pytest.fixture(scope="module", autouse=True)
def noOrphans():
    """When the application quits after the tests of a file, no worker process may live on."""
    yield
    bedModule = sys.modules.get("slicer_bed")
    if bedModule is not None:
        from slicer_bed.processes import quitWithoutOrphans

        orphans = quitWithoutOrphans(bedModule.boot())
        assert not orphans, f"worker processes were left behind: {orphans}"


@pytest.fixture(scope="session")
def module(bed):
    """The scripted module as the application would load it."""
    import slicer_bed

    return slicer_bed.loadModule(MODULE)
