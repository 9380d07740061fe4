"""The image of a patient does not stay on the disk when the application or the worker dies."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.paths import MODULE_FOLDER, TESTING
from slicer_bed.watch import waitFor

OTHER_APPLICATION = """
import sys
import slicer, slicer_bed
slicer_bed.boot()
slicer.app.temporaryPath = sys.argv[1]
from ResFormerSegLib.engine.temporary_folder import makeTemporaryFolder, removeLeftovers
removeLeftovers()
print(makeTemporaryFolder(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(bed, module, monkeypatch, tmp_path):
    monkeypatch.setattr(bed.app, "temporaryPath", str(tmp_path))
    return tmp_path


def otherApplication(folder: Path) -> tuple[subprocess.Popen, Path]:
    """An application that has a folder for a run, and that folder."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (MODULE_FOLDER, TESTING)))}
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_APPLICATION, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    return process, Path(process.stdout.readline().strip())


def test_folders_of_applications_that_were_killed_are_removed_and_those_of_living_ones_stay(temporary):
    from ResFormerSegLib.engine.temporary_folder import makeTemporaryFolder, removeLeftovers, removeTemporaryFolder

    own = makeTemporaryFolder()
    other, folder = otherApplication(temporary)  # its start must leave our folder alone
    (folder / "image.npy").write_bytes(b"a patient")
    removeLeftovers()
    assert folder.exists() and own.exists()
    other.kill()
    other.communicate()
    assert folder.exists()
    removeLeftovers()
    assert not folder.exists() and own.exists()
    removeTemporaryFolder(own)
    assert not list(temporary.iterdir())


def test_folders_of_an_older_version_are_removed_after_a_day_and_nothing_else_is(temporary):
    from ResFormerSegLib.engine.temporary_folder import removeLeftovers

    for name in ("ResFormerSeg-new", "ResFormerSeg-old", "of-somebody-else", "target"):
        (temporary / name).mkdir()
    (temporary / "target" / "important").touch()
    (temporary / "ResFormerSeg-link").symlink_to(temporary / "target")
    for name in ("ResFormerSeg-old", "of-somebody-else", "target"):
        os.utime(temporary / name, (time.time() - 100_000,) * 2)
    removeLeftovers()
    left = sorted(path.name for path in temporary.iterdir())
    assert left == ["ResFormerSeg-link", "ResFormerSeg-new", "of-somebody-else", "target"]
    assert (temporary / "target" / "important").exists()


DYING_APPLICATION = """
import sys
from pathlib import Path
import slicer, slicer_bed
bed = slicer_bed.boot()
slicer.app.temporaryPath = sys.argv[1]
from helpers.paths import MODULE
from helpers.scene_helpers import makeVolume
module = slicer_bed.loadModule(MODULE)
logic = module.ResFormerSegLogic()
logic.process(
    makeVolume(shape=(4000, 40, 50)), sys.argv[2], device="cpu", progress=lambda done, text: print(done, flush=True)
)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills as it is done on Linux and macOS")
def test_the_worker_of_an_application_that_dies_in_mid_run_removes_the_folder(temporary, tmp_path_factory):
    from helpers.tiny_model import save_tiny

    model = tmp_path_factory.mktemp("model") / "tiny"
    save_tiny(model)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (MODULE_FOLDER, TESTING)))}
    process = subprocess.Popen(
        [sys.executable, "-c", DYING_APPLICATION, str(temporary), str(model)],
        stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    for line in process.stdout:
        if float(line) > 0:
            break
    assert list(temporary.glob("ResFormerSeg-*/image.npy"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    waitFor(lambda: not list(temporary.glob("ResFormerSeg-*")), timeout=30)
