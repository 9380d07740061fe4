"""A real worker process with its pipes, and commands for it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from helpers.paths import MODULE_FOLDER
from helpers.synthetic_images import oblique_affine

PATIENCE = 90  # seconds; the first command loads PyTorch, on a computer that may be busy
ENDS = ("result", "error", "cancelled")


class WorkerProcess:
    """A worker process; its events are read by a thread so that waiting for one can give up."""

    def __init__(self, start: tuple[str, ...] = ("-m", "resformer_unet.worker")) -> None:
        environment = {**os.environ, "PYTHONPATH": str(MODULE_FOLDER), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *start],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self.log = b""
        threading.Thread(target=self._read_events, daemon=True).start()
        self._log_reader = threading.Thread(target=self._read_log, daemon=True)
        self._log_reader.start()
        self.ready = self.wait_for("ready")

    def _read_events(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_log(self) -> None:
        for line in self.process.stderr:
            self.log += line

    def write(self, line: bytes) -> None:
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def send(self, **command) -> None:
        self.write(json.dumps(command).encode())

    def events(self, until: tuple[str, ...]) -> list[dict]:
        """Events up to the first of these kinds; every line must be a JSON object with an event."""
        received = []
        while not received or received[-1]["event"] not in until:
            line = self._lines.get(timeout=PATIENCE)
            assert line is not None, f"the worker ended: {self.log.decode()}"
            received.append(json.loads(line))
        return received

    def wait_for(self, *kinds: str) -> dict:
        return self.events(kinds)[-1]

    def wait_for_silence(self, seconds: float) -> None:
        """Returns when no event has come for so long."""
        with suppress(queue.Empty):
            while True:
                assert self._lines.get(timeout=seconds) is not None, "the worker ended"

    def rest(self) -> list[dict]:
        """The events up to the end of the process; its log is then whole, too."""
        events = [json.loads(line) for line in iter(lambda: self._lines.get(timeout=PATIENCE), None)]
        self._log_reader.join(PATIENCE)
        return events

    def close(self) -> int:
        """Ends the process as its program does; returns its exit status. Its log is then whole."""
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self._log_reader.join(PATIENCE)
        return status


def predict_command(folder: Path, models: Path, name: str, *, model: str = "tiny", slices: int = 5, **changes) -> dict:
    """A predict command with its image on disk."""
    voxels = np.random.default_rng(0).integers(0, 255, (slices, 18, 22), np.int16)
    np.save(folder / f"{name}.npy", voxels)
    image = {
        "array": str(folder / f"{name}.npy"), "affine_lps": oblique_affine().tolist(), "name": "Gehirn 脳",
        "has_orientation": True,
    }  # fmt: skip
    (folder / name).mkdir(exist_ok=True)
    command = {
        "command": "predict", "id": name, "image": image, "model": str(models / model), "device": "cpu",
        "output": str(folder / name), "options": {"slice_axis": None},
    }  # fmt: skip
    return {**command, **changes}
