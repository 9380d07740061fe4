"""Serves predictions to another program, such as 3D Slicer, from a process of its own.

Commands come as JSON lines on stdin, events go as JSON lines to stdout, log text to stderr; ``docs/worker-protocol.md``
lists them. The network of the last command stays loaded for the next one. The end of stdin ends the process, so that
nothing is left behind when the other program dies.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path

import numpy as np

from . import __version__
from .errors import Cancelled, EngineError
from .schema import violations

PROTOCOL = 1
HEARTBEAT_SECONDS = 2.0
PREDICT = {
    "type": "object",
    "required": ["model", "image", "output"],
    "properties": {
        "model": {"type": "string"},
        "device": {"type": ["string", "null"]},
        "output": {"type": "string"},
        "options": {"type": ["object", "null"], "properties": {"slice_axis": {"type": ["string", "null"]}}},
        "image": {
            "type": "object",
            "required": ["array", "affine_lps", "name"],
            "properties": {
                "array": {"type": "string"},
                "affine_lps": {
                    "type": "array", "minItems": 4, "maxItems": 4,
                    "items": {"type": "array", "minItems": 4, "maxItems": 4, "items": {"type": "number"}},
                },
                "name": {"type": "string"},
                "has_orientation": {"type": "boolean"},
            },
        },
    },
}  # fmt: skip


class Worker:
    """Reads commands in one thread, so that a job under way can be cancelled, and works on them in the main one."""

    def __init__(self, commands, events) -> None:
        self._events = events
        self._writing = threading.Lock()
        self._jobs: queue.Queue[dict | None] = queue.Queue()
        self._open: list[str] = []  # ids of the jobs that wait or are under way
        self._cancelled: set[str] = set()
        self._leaving = False
        self._busy = threading.Event()
        self._predictor = None
        self._loaded: tuple[dict, str] | None = None
        threading.Thread(target=self._read, args=(commands,), daemon=True).start()
        threading.Thread(target=self._beat, daemon=True).start()

    def serve(self) -> None:
        """Work on commands until told to quit or until stdin ends."""
        self._send("ready", protocol=PROTOCOL, version=__version__)
        while (command := self._jobs.get()) is not None:
            self._busy.set()
            try:
                self._work(command)
            finally:
                self._busy.clear()

    def _work(self, command: dict) -> None:
        job = str(command.get("id", ""))
        try:
            if command.get("command") != "predict":
                raise EngineError(
                    "UNKNOWN_COMMAND", f"The worker does not know the command {command.get('command')!r}."
                )
            self._send("result", id=job, **self._predict(job, command))
        except Cancelled:
            self._send("cancelled", id=job)
        except EngineError as error:
            self._send("error", id=job, code=error.code, message=error.message, hint=error.hint)
        except Exception as error:  # whatever happens, the other side must hear of it
            traceback.print_exc()
            message = f"The engine failed unexpectedly: {type(error).__name__}: {error}"
            self._send("error", id=job, code="INTERNAL", message=message, hint="Please report it with the log.")
        finally:
            self._open.remove(job)
            self._cancelled.discard(job)  # another job may have the same id

    def _predict(self, job: str, command: dict) -> dict:
        from .images import image_from_array

        if problems := list(violations(command, PREDICT)):
            raise _bad_command("; ".join(problems))
        self._send("status", id=job, message="Loading the model")
        predictor = self._load(command["model"], command.get("device") or "auto")
        source = command["image"]
        try:
            voxels = np.load(source["array"], mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise _bad_command(f"image.array “{source['array']}” cannot be read ({error})") from error
        image = image_from_array(voxels, source["affine_lps"], source["name"], source.get("has_orientation", True))
        self._send("status", id=job, message="Segmenting")
        told = 0

        def progress(done: int, total: int) -> None:
            nonlocal told
            for warning in predictor.runner.warnings[told:]:
                self._send("notice", id=job, **warning)
            told = len(predictor.runner.warnings)
            self._send("progress", id=job, done=done, total=total)

        prediction = predictor.predict(
            image,
            slice_axis=(command.get("options") or {}).get("slice_axis"),
            progress=progress,
            cancelled=lambda: self._leaving or job in self._cancelled,
        )
        labels = Path(command["output"]) / "labels.npy"
        try:
            np.save(labels, prediction.layers)
        except OSError as error:
            raise EngineError(
                "OUTPUT_NOT_WRITABLE",
                f"The result could not be written to {labels.parent}: {error.strerror}.",
                "Free some space on the disk of the temporary folder.",
            ) from error
        return {"labels": str(labels), "report": prediction.report}

    def _load(self, model: str, device: str):
        from .catalog import find_model
        from .predict import Predictor

        bundle = find_model(model)
        wanted = (bundle.descriptor, device)  # all of it: a threshold or a calibration may have been edited
        if wanted != self._loaded:
            self._predictor, self._loaded = None, None  # not two networks at once in a small GPU
            self._predictor, self._loaded = Predictor(bundle, device), wanted
        return self._predictor

    def _read(self, commands) -> None:
        for line in commands:
            try:
                command = json.loads(line)
            except ValueError:
                command = None
            if not isinstance(command, dict):
                self._send("error", id="", code="NOT_JSON", message=f"Not a JSON object: {line[:80]!r}", hint="")
                continue
            job = str(command.get("id", ""))
            if command.get("command") == "cancel":
                if job in self._open:
                    self._cancelled.add(job)
            elif command.get("command") == "quit":
                break
            else:
                self._open.append(job)
                self._jobs.put(command)
        self._leaving = True
        self._jobs.put(None)

    def _beat(self) -> None:
        while True:
            self._busy.wait()
            self._send("heartbeat")
            threading.Event().wait(HEARTBEAT_SECONDS)

    def _send(self, event: str, **content) -> None:
        line = json.dumps({"event": event, **content}, ensure_ascii=False, allow_nan=False) + "\n"
        with self._writing:
            try:
                self._events.write(line)
                self._events.flush()
            except (BrokenPipeError, ValueError):  # nobody listens any more
                self._leaving = True


def _bad_command(problem: str) -> EngineError:
    return EngineError(
        "BAD_COMMAND", f"The worker cannot use the command: {problem}.", "docs/worker-protocol.md says what it takes."
    )


def main() -> None:
    # Libraries may print: only events belong on the channel that the other program reads.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    Worker(os.fdopen(0, "r", encoding="utf-8", errors="replace"), events).serve()
    sys.stderr.flush()


if __name__ == "__main__":
    main()
