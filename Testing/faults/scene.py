"""Faults for runs of the module under a real scene; the application is a process of its own, see `scene_session`."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from faults.children import Child, members
from faults.plan import Fault
from faults.records import DIED
from faults.surroundings import SmallDisk

KINDS = {
    "worker: SIGKILL": 5, "worker: SIGSEGV": 3, "worker: SIGTERM": 1, "worker: SIGSTOP, SIGCONT": 4,
    "worker: little memory": 2, "application: SIGKILL": 2, "application: SIGSEGV": 1,
    "application: SIGSTOP, SIGCONT": 2, "image deleted": 5, "another image deleted": 2,
    "output segmentation deleted": 4, "transform deleted": 2, "display node deleted": 2, "voxels changed": 3,
    "cancelled": 5, "scene closed": 5, "scene saved": 3, "scene loaded": 4, "small disk": 4,
    "disk becomes read-only": 3, "no temporary folder": 1, "temporary folder goes": 4, "damaged model": 5,
    "model goes": 3, "clock jumps": 2,
}  # fmt: skip
PATIENCE = 600.0  # seconds, also for the start
DEADLY = ("application: SIGKILL", "application: SIGSEGV")


class Scene:
    """A context; starts the application anew when it has died."""

    def __init__(self, folder: Path, models: Path, disk: SmallDisk) -> None:
        self._folder, self._model, self._disk = folder, models / "grey", disk
        self._process: subprocess.Popen | None = None
        self._temporary = folder / "none"

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *exception) -> None:
        if self._process is not None:
            self._process.stdin.close()
            self._process.wait(PATIENCE)

    def run(self, fault: Fault) -> tuple[str, list[str]]:
        if not self._disk.isReal and "disk" in fault.kind:
            return DIED, ["needs a disk of its own, which only root may mount"]
        if self._process is None:
            self._start()
        request = {"kind": fault.kind, "seed": f"{fault.seed} {fault.job} {fault.number}"}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        reply = self._reply()
        if reply is not None:
            return reply["outcome"], reply["wrong"]
        return DIED, self._after_death(fault.kind)

    def _start(self) -> None:
        environment = os.environ | {"VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow", "QT_QPA_PLATFORM": "offscreen"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.scene_session", str(self._model), str(self._disk.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(self._folder / "log.err").open("wb"),
            env=environment, start_new_session=True,
        )  # fmt: skip
        ready = self._reply()
        assert ready, (self._folder / "log.err").read_text("utf-8", "replace")
        self._temporary = Path(ready["temporary"])

    def _reply(self) -> dict | None:
        """``None`` when the application has died, or does not reply."""
        if not select.select([self._process.stdout], [], [], PATIENCE)[0]:
            return None
        line = self._process.stdout.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def _after_death(self, kind: str) -> list[str]:
        """The worker ends by itself, and removes the image from the disk."""
        process, self._process = self._process, None
        wrong = []
        if process.poll() is None and not members(process.pid).get(process.pid):
            process.wait()
        elif process.poll() is None:
            wrong.append("the application does not reply any more")
            process.kill()
        code = process.wait()
        process.stdin.close()
        process.stdout.close()
        expected = {-signal.SIGKILL, -signal.SIGSEGV}
        if kind not in DEADLY or code not in expected:
            wrong.append(f"exit code {code}: {(self._folder / 'log.err').read_text('utf-8', 'replace')[-1500:]}")
        wrong += [f"an orphan: {command}" for command in Child(process.pid, self._folder).orphans(60).values()]
        temporary = self._temporary
        wrong += self._left_behind(temporary)
        shutil.rmtree(temporary, ignore_errors=True)
        return wrong

    def _left_behind(self, temporary: Path) -> list[str]:
        """Where the worker did not know of the image yet, the next application removes it."""
        if not any(temporary.glob("ResFormerSeg-*")):
            return []
        self._start()
        self._process.stdin.write(json.dumps({"remove leftovers": str(temporary)}).encode() + b"\n")
        self._process.stdin.flush()
        self._reply()
        return [f"left behind: {path.name}" for path in temporary.glob("ResFormerSeg-*")]
