"""A worker without a network, for tests: it speaks the engine's protocol and behaves as its first argument says.

`python fake_worker.py BEHAVIOUR PID_FILE` writes its process id into PID_FILE first. Behaviours are the keys of
BEHAVIOURS. What it answers is simple enough to check by eye: see `labelsFor`.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

CATEGORY = {"scheme": "SCT", "value": "49755003", "meaning": "Morphologically Altered Structure"}
TUMOUR = {"category": CATEGORY, "type": {"scheme": "SCT", "value": "108369006", "meaning": "Tumor"}}
WARNING = {"code": "LESION_AT_BORDER", "message": "The lesion touches the border of the image."}


def say(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def hear() -> dict:
    """The next command; end of input means quit, as in the engine."""
    line = sys.stdin.readline()
    return json.loads(line) if line else {"command": "quit"}


def labelsFor(voxels, layers: int, values: tuple[int, int]):
    """Segment 1 fills the left half (low i) of the first slice, segment 2 the right half.

    When it has a layer of its own, segment 2 fills the upper half (low j) instead, so that the two overlap.
    """
    import numpy as np

    labels = np.zeros((layers, *voxels.shape[:3]), np.uint8)
    rows, columns = voxels.shape[1:3]
    labels[0, 0, :, : columns // 2] = values[0]
    if layers == 1:
        labels[0, 0, :, columns // 2 :] = values[1]
    else:
        labels[1, 0, : rows // 2] = values[1]
    return labels


def reportFor(command: dict, voxels, layers: int, values: tuple[int, int]) -> dict:
    probabilities = {"glioma": 0.75, "meningioma": 0.25}
    segments = []
    for index, (identifier, name) in enumerate((("tumour", "Tumour"), ("edema", "Oedema"))):
        segments.append(
            {
                "id": identifier,
                "name": name,
                "value": values[index],
                "layer": min(index, layers - 1),
                "color": [255, 51 * index, 0],
                "terminology": TUMOUR if index == 0 else None,
                "voxels": 0,
                "volume_mm3": 0.0,
            }
        )
    return {
        "case": command["image"]["name"],
        "model": {"id": "fake", "version": "1.0.0", "sha256": "0" * 64},
        "device": "cpu",
        "diagnosis": {
            "label": "glioma",
            "probability": 0.75,
            "probabilities": probabilities,
            "rule": "mean",
            "rule_text": "Mean over all slices; each counts the same.",
        },
        "segments": segments,
        "slices": [
            {"index": k, "probabilities": probabilities, "voxels": {"tumour": 10 * k, "edema": k}}
            for k in range(len(voxels))
        ],
        "warnings": [WARNING],
        "timing_s": {},
        # What the worker was given, for tests of the export.
        "given": {
            **command["image"],
            "dtype": str(voxels.dtype),
            "shape": list(voxels.shape),
            "sum": float(voxels.sum()),
        },
        "command": command,
    }


def answer(command: dict, layers: int = 1, values: tuple[int, int] = (1, 2), drop: tuple[str, ...] = ()) -> None:
    import numpy as np

    voxels = np.load(command["image"]["array"], mmap_mode="r", allow_pickle=False)
    report = reportFor(command, voxels, layers, values)
    labels = labelsFor(voxels, layers, values)
    if "segments" in drop:
        report["segments"], labels = [], labels[:0]
    if "colour" in drop:
        report["segments"][1]["color"] = "reddish"
    if "diagnosis" in drop:
        report["diagnosis"] = None
        for row in report["slices"]:
            row["probabilities"] = None
    if "slice" in drop:
        labels = labels[:, 1:]
    path = Path(command["output"]) / "labels.npy"
    if "labels" not in drop:
        np.save(path, labels)
    say("result", id=command["id"], labels=str(path), report=report)


def work(command: dict) -> None:
    """A normal run: status, progress, a notice that repeats a warning of the report, and one that does not."""
    say("status", id=command["id"], message="Reading the model")
    say("heartbeat")
    for done in (1, 2):
        say("progress", id=command["id"], done=done, total=2)
    say("notice", id=command["id"], **WARNING)
    say("notice", id=command["id"], code="ON_CPU", message="The graphics card is out of memory; the CPU is used.")
    answer(command)


def printing(command: dict) -> None:
    """Some library prints to standard output."""
    print("WARNING: this is not JSON", flush=True)
    print('["neither", "is", "this", "an event"]', flush=True)
    work(command)


def slow(command: dict) -> None:
    """Works until it is cancelled."""
    say("progress", id=command["id"], done=1, total=10)
    while hear()["command"] != "cancel":
        pass
    say("cancelled", id=command["id"])


def deaf(command: dict) -> None:
    """Keeps its heart beating, hears nothing and ignores a polite request to end."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        say("heartbeat")
        time.sleep(0.05)


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def exitWith(code: int, message: str) -> None:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)


BEHAVIOURS = {
    "exclusive": work,
    "overlapping": lambda command: answer(command, layers=2, values=(1, 1)),
    "sparse values": lambda command: answer(command, values=(7, 3)),
    "only diagnosis": lambda command: answer(command, drop=("segments",)),
    "only segments": lambda command: answer(command, drop=("diagnosis",)),
    "printing": printing,
    "error": lambda command: say(
        "error", id=command["id"], code="CONSTANT_IMAGE", message="All voxels are equal.", hint="Choose another image."
    ),
    "segfault": lambda command: die(signal.SIGSEGV),
    "killed": lambda command: die(signal.SIGKILL),
    "garbage": lambda command: print("\x00\xff not JSON", flush=True) or exitWith(0, "bye"),
    "exit code": lambda command: exitWith(3, "Something went wrong in here"),
    "missing package": lambda command: exitWith(1, "ModuleNotFoundError: No module named 'torch'"),
    "silence": lambda command: time.sleep(60),
    "slow": slow,
    "deaf": deaf,
    "dies when cancelled": lambda command: hear() and die(signal.SIGSEGV),
    "lost labels": lambda command: answer(command, drop=("labels",)),
    "wrong shape": lambda command: answer(command, drop=("slice",)),
    "bad report": lambda command: answer(command, drop=("colour",)),
}


def main() -> None:
    behaviour, pidFile = sys.argv[1:]
    Path(pidFile).write_text(str(os.getpid()))
    if behaviour == "never ready":
        time.sleep(60)
    say("ready", protocol=1, version="0")
    command = hear()
    if command["command"] == "predict":
        BEHAVIOURS[behaviour](command)
        while hear()["command"] != "quit":
            pass


if __name__ == "__main__":
    main()
