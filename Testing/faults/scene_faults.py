"""What strikes a run in a scene: for each kind a function of session and chance that prepares it.

It returns what is called when the fault strikes, and what is called after the run, to undo it.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import slicer

from faults.damage import damage
from faults.surroundings import CLOCK, PAGE, jumping_clock
from helpers.scene_helpers import later
from slicer_bed.processes import workers

Action = Callable[[], None]


def _nothing() -> None:
    """Of a fault that needs no more."""


def _worker(number: signal.Signals) -> Callable:
    def prepare(session, draw: random.Random) -> tuple[Action, Action]:
        pause = draw.randrange(20, 400)

        def strike() -> None:
            for pid in workers():
                _send(pid, number)
                if number == signal.SIGSTOP:
                    later(pause, lambda pid=pid: _send(pid, signal.SIGCONT))

        return strike, lambda: [_send(pid, signal.SIGCONT) for pid in workers()]

    return prepare


def _application(number: signal.Signals) -> Callable:
    """This process; one that only stops is continued by a process that was started before."""

    def prepare(session, draw: random.Random) -> tuple[Action, Action]:
        def strike() -> None:
            if number == signal.SIGSTOP:
                subprocess.Popen(["sh", "-c", f"sleep {draw.random():.2f}; kill -CONT {os.getpid()}"])
            os.kill(os.getpid(), number)

        return strike, _nothing

    return prepare


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _littleMemory(session, draw: random.Random) -> tuple[Action, Action]:
    megabytes = draw.choice((0, 1, 8, 32, 128))

    def strike() -> None:
        for pid in workers():
            with suppress(OSError):
                now = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * PAGE
                resource.prlimit(pid, resource.RLIMIT_AS, (now + megabytes * 2**20,) * 2)

    return strike, lambda: [_send(pid, signal.SIGKILL) for pid in workers()]


def _remove(name: str) -> Callable:
    def prepare(session, draw: random.Random) -> tuple[Action, Action]:
        def strike() -> None:
            if node := slicer.mrmlScene.GetFirstNodeByName(name):
                slicer.mrmlScene.RemoveNode(node)

        return strike, _nothing

    return prepare


def _removeDisplay(session, draw: random.Random) -> tuple[Action, Action]:
    def strike() -> None:
        if session.volume.GetDisplayNode() is not None:
            slicer.mrmlScene.RemoveNode(session.volume.GetDisplayNode())

    return strike, _nothing


def _changeVoxels(session, draw: random.Random) -> tuple[Action, Action]:
    def strike() -> None:
        slicer.util.arrayFromVolume(session.volume)[:] += 1
        slicer.util.arrayFromVolumeModified(session.volume)

    return strike, _nothing


def _cancel(session, draw: random.Random) -> tuple[Action, Action]:
    return lambda: session.job.cancel(), _nothing


def _close(session, draw: random.Random) -> tuple[Action, Action]:
    return lambda: slicer.mrmlScene.Clear(False), _nothing


def _save(session, draw: random.Random) -> tuple[Action, Action]:
    path = session.folder / "saved.mrb"
    return lambda: slicer.util.saveScene(str(path), {}), lambda: path.unlink(missing_ok=True)


def _load(session, draw: random.Random) -> tuple[Action, Action]:
    path = session.folder / "loaded.mrb"
    slicer.util.saveScene(str(path), {})
    clears = draw.random() < 0.5

    def strike() -> None:
        if clears:
            slicer.mrmlScene.Clear(False)
        slicer.util.loadScene(str(path), {})

    return strike, lambda: path.unlink(missing_ok=True)


def _smallDisk(session, draw: random.Random) -> tuple[Action, Action]:
    return _onDisk(session, f"size={draw.randrange(1, 14) * PAGE}")


def _readOnlyDisk(session, draw: random.Random) -> tuple[Action, Action]:
    undo = _onDisk(session, "size=1m")[1]

    def strike() -> None:
        try:
            _remount(session.disk, "ro")
        except subprocess.CalledProcessError:  # as long as a file is open for writing
            if not session.job.isOver:
                later(5, strike)

    return strike, undo


def _onDisk(session, options: str) -> tuple[Action, Action]:
    """The application's temporary files lie on the small disk; it becomes large again afterwards."""
    _remount(session.disk, options)
    slicer.app.temporaryPath = str(session.disk)

    def undo() -> None:
        _remount(session.disk, "rw,size=4m")
        slicer.app.temporaryPath = str(session.folder)

    return _nothing, undo


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True, capture_output=True)


def _noTemporaryFolder(session, draw: random.Random) -> tuple[Action, Action]:
    slicer.app.temporaryPath = str(session.folder / "no" / "such")

    def undo() -> None:
        slicer.app.temporaryPath = str(session.folder)

    return _nothing, undo


def _temporaryFolderGoes(session, draw: random.Random) -> tuple[Action, Action]:
    """As programs do that clean up temporary files."""
    return lambda: [shutil.rmtree(path, True) for path in session.folder.glob("ResFormerSeg-*")], _nothing


def _damagedModel(session, draw: random.Random) -> tuple[Action, Action]:
    undo = _copiedModel(session, draw)[1]
    damage(session.folder / "model" / draw.choice(("weights.safetensors", "network.onnx")), draw)
    return _nothing, undo


def _modelGoes(session, draw: random.Random) -> tuple[Action, Action]:
    return _copiedModel(session, draw)


def _copiedModel(session, draw: random.Random) -> tuple[Action, Action]:
    copy = session.folder / "model"
    shutil.copytree(session.model, copy)
    return lambda: shutil.rmtree(copy), lambda: shutil.rmtree(copy, ignore_errors=True)


def _clockJumps(session, draw: random.Random) -> tuple[Action, Action]:
    """The application's and that of a new worker."""
    before = {name: os.environ.get(name, "") for name in ("PYTHONPATH", "FAULTS_CLOCK")}
    real = time.time, time.time_ns
    seed = str(draw.random())
    os.environ["PYTHONPATH"] = os.pathsep.join([str(CLOCK), before["PYTHONPATH"]])
    os.environ["FAULTS_CLOCK"] = seed
    session.logic.renewEngine()

    def undo() -> None:
        time.time, time.time_ns = real
        os.environ.update(before)
        del os.environ["FAULTS_CLOCK"]
        session.logic.renewEngine()

    return lambda: jumping_clock(seed), undo


FAULTS = {
    "worker: SIGKILL": _worker(signal.SIGKILL),
    "worker: SIGSEGV": _worker(signal.SIGSEGV),
    "worker: SIGTERM": _worker(signal.SIGTERM),
    "worker: SIGSTOP, SIGCONT": _worker(signal.SIGSTOP),
    "worker: little memory": _littleMemory,
    "application: SIGKILL": _application(signal.SIGKILL),
    "application: SIGSEGV": _application(signal.SIGSEGV),
    "application: SIGSTOP, SIGCONT": _application(signal.SIGSTOP),
    "image deleted": _remove("Image"),
    "another image deleted": _remove("Other"),
    "output segmentation deleted": _remove("Mine"),
    "transform deleted": _remove("Shift"),
    "display node deleted": _removeDisplay,
    "voxels changed": _changeVoxels,
    "cancelled": _cancel,
    "scene closed": _close,
    "scene saved": _save,
    "scene loaded": _load,
    "small disk": _smallDisk,
    "disk becomes read-only": _readOnlyDisk,
    "no temporary folder": _noTemporaryFolder,
    "temporary folder goes": _temporaryFolderGoes,
    "damaged model": _damagedModel,
    "model goes": _modelGoes,
    "clock jumps": _clockJumps,
}
CHANGES_SCENE = {
    "image deleted", "another image deleted", "output segmentation deleted", "transform deleted",
    "display node deleted", "voxels changed", "scene closed", "scene saved", "scene loaded",
}  # fmt: skip
