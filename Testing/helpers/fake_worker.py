"""A worker without a network, for tests: it speaks the engine's protocol and behaves as its first argument says.

`python fake_worker.py BEHAVIOUR PID_FILE` writes its process id into PID_FILE first. Behaviours are the keys of
BEHAVIOURS: what it does at each `predict`. Its results are simple enough to check by eye: see `labelsFor`.
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


def send(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def receive() -> dict:
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


def reportFor(command: dict, voxels, labels, values: tuple[int, int]) -> dict:
    """As the engine's, counted from the labels; slices are always cut along the first array axis."""
    import numpy as np

    image = command["image"]
    affine = np.array(image["affine_lps"])
    isPicture = not image.get("has_orientation", True)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    plane = ("sagittal", "coronal", "axial")[int(np.abs(affine[:3, 2] / spacing[2]).argmax())]
    probabilities = {"glioma": 0.75, "meningioma": 0.25}
    segments = []
    rows = [
        {"index": k, "probabilities": probabilities, "voxels": {}, "area_mm2": {}, "longest_diameter_mm": {}}
        for k in range(len(voxels))
    ]
    for index, (identifier, name) in enumerate((("tumour", "Tumour"), ("edema", "Oedema"))):
        layer = min(index, len(labels) - 1)
        mask = labels[layer] == values[index]
        for row, slice_ in zip(rows, mask, strict=False):
            row["voxels"][identifier] = int(slice_.sum())
            row["area_mm2"][identifier] = None if isPicture else float(slice_.sum() * spacing[0] * spacing[1])
            width = float(slice_.any(0).sum() * spacing[0])
            row["longest_diameter_mm"][identifier] = None if isPicture else width
        segments.append(
            {
                "id": identifier,
                "name": name,
                "value": values[index],
                "layer": layer,
                "color": [255, 51 * index, 0],
                "terminology": TUMOUR if index == 0 else None,
                "voxels": int(mask.sum()),
                "volume_mm3": None if isPicture else float(mask.sum() * spacing.prod()),
                "longest_diameter_mm": None
                if isPicture
                else max(row["longest_diameter_mm"].get(identifier, 0) for row in rows),
            }
        )
    where = np.argwhere(labels[0] == values[0])
    centre = where[len(where) // 2][::-1].tolist()
    return {
        "case": image["name"],
        "model": {"id": "fake", "version": "1.0.0", "sha256": "0" * 64},
        "device": "cpu",
        "engine": "none",
        "grid": None if isPicture else {"size": list(voxels.shape[2::-1]), "affine_lps": image["affine_lps"]},
        "diagnosis": {
            "label": "glioma",
            "name": "Glioma",
            "probability": 0.75,
            "probabilities": probabilities,
            "rule": "mean",
            "rule_text": "Mean over all slices; each counts the same.",
            "calibrated": True,
        },
        "segments": segments,
        "slice_axis": {"plane": "picture" if isPicture else plane, "array_axis": 0},
        "largest_lesion": {
            "segment": "tumour",
            "voxels": len(where),
            "slice": centre[2],
            "center_ijk": centre,
            "center_lps": (affine @ [*centre, 1])[:3].tolist(),
        },
        "slices": rows,
        "warnings": [WARNING],
        "timing_s": {"total": 1.0},
        # What the worker was given, for tests of the export.
        "given": {**image, "dtype": str(voxels.dtype), "shape": list(voxels.shape), "sum": float(voxels.sum())},
        "command": command,
    }


def sendResult(command: dict, layers: int = 1, values: tuple[int, int] = (1, 2), drop: tuple[str, ...] = ()) -> None:
    import numpy as np

    voxels = np.load(command["image"]["array"], mmap_mode="r", allow_pickle=False)
    labels = labelsFor(voxels, layers, values)
    report = reportFor(command, voxels, labels, values)
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
    maps = None
    if (command.get("options") or {}).get("probability_maps"):
        maps = str(Path(command["output"]) / "probability_maps.npy")
        np.save(maps, np.stack([np.full(voxels.shape[:3], share, np.uint8) for share in (80, 20)]))
    send("result", id=command["id"], labels=str(path), report=report, probability_maps=maps)


def work(command: dict) -> None:
    """A normal run: status, progress, a notice that repeats a warning of the report, and one that does not."""
    send("status", id=command["id"], message="Reading the model")
    send("heartbeat")
    for done in (1, 2):
        send("progress", id=command["id"], done=done, total=2)
    send("notice", id=command["id"], **WARNING)
    send("notice", id=command["id"], code="ON_CPU", message="The graphics card is out of memory; the CPU is used.")
    sendResult(command)


def printing(command: dict) -> None:
    """Some library prints to standard output."""
    print("WARNING: this is not JSON", flush=True)
    print('["neither", "is", "this", "an event"]', flush=True)
    work(command)


def slow(command: dict) -> None:
    """Works until it is cancelled."""
    send("status", id=command["id"], message="Segmenting")
    send("progress", id=command["id"], done=1, total=10)
    while (received := receive())["command"] not in ("cancel", "quit"):
        pass
    if received["command"] == "quit":
        sys.exit(0)
    send("cancelled", id=command["id"])


def paced(command: dict) -> None:
    """Ten slices, a tenth of a second each."""
    send("status", id=command["id"], message="Segmenting")
    for done in range(1, 11):
        time.sleep(0.1)
        send("progress", id=command["id"], done=done, total=10)
    sendResult(command)


def explain(command: dict) -> None:
    """Saliency rises from 0 to 1 along the columns."""
    import numpy as np

    voxels = np.load(command["image"]["array"], mmap_mode="r", allow_pickle=False)
    saliency = np.zeros(voxels.shape[:3], np.float32) + np.linspace(0, 1, voxels.shape[2], dtype=np.float32)
    path = Path(command["output"]) / "saliency.npy"
    np.save(path, saliency)
    send("progress", id=command["id"], done=1, total=1)
    diagnosis = command["options"]["diagnosis"] or "glioma"
    send("result", id=command["id"], saliency=str(path), diagnosis=diagnosis, method="Looking", citation="Nobody 2026")


def compare(command: dict) -> None:
    """As the engine's, without distances, for voxels of a cubic millimetre; and the counts of voxels."""
    import numpy as np

    arrays = [np.load(command[name], allow_pickle=False) for name in ("first", "second")]
    rows = []
    for row in command["segments"]:
        first, second = (
            labels[row[f"layer_{which}"]] == row[f"value_{which}"]
            for labels, which in zip(arrays, ("first", "second"), strict=True)
        )
        counts = {"first": int(first.sum()), "second": int(second.sum()), "both": int((first & second).sum())}
        one, other, both = counts.values()
        figures = {
            "dice": 2 * both / (one + other) if one + other else None,
            "jaccard": both / (one + other - both) if one + other else None,
            "hausdorff95_mm": None,
            "volume_first_ml": one / 1000,
            "volume_second_ml": other / 1000,
            "volume_difference_ml": (one - other) / 1000,
        }
        rows.append({"id": row["id"], "name": row["name"], **figures, **counts, "shape": list(first.shape)})
    send("result", id=command["id"], comparison=rows)


def patient(command: dict) -> None:
    """End-diastole is where the voxels have the larger sum."""
    if sys.argv[1] == "no heart":
        send("error", id=command["id"], code="HEART_NOT_FOUND", message="Nothing was segmented as lv.", hint="")
        return
    reports = sorted(command["reports"], key=lambda report: -report["given"]["sum"])
    function = {"lvedv_ml": 152.4, "rvedv_ml": 141.6, "wall_thickness_ed_max_mm": 9.26, "lvef": 0.583, "rvef": 0.5}
    diagnosis = {"label": "normal", "name": "Normal", "code": None, "probability": 0.9, "rule": "cardiac_function"}
    diagnosis |= {"probabilities": {"normal": 0.9, "dilated": 0.1}, "rule_text": "By volume.", "calibrated": False}
    send(
        "result",
        id=command["id"],
        patient={
            "cases": [report["case"] for report in reports],
            "model": reports[0]["model"],
            "diagnosis": diagnosis,
            "cardiac_function": function,
            "warnings": [{"code": "LOW_CONFIDENCE", "message": "The model is not sure: Normal has 90 %."}],
        },
    )


def rank(command: dict) -> None:
    """The first model knows the image, the second does not."""
    if sys.argv[1] == "dies when asked to rank":
        die(signal.SIGSEGV)
    if sys.argv[1] == "slow to rank":
        slow(command)
        return
    distances = [0.5, 2.0] + [None] * len(command["models"])
    rows = [{"model": name, "distance": value} for name, value in zip(command["models"], distances, strict=False)]
    send("result", id=command["id"], ranking=rows)


def devices(command: dict) -> None:
    time.sleep(60 if sys.argv[1] == "hangs when asked for devices" else 0.3)
    cpu = {"id": "cpu", "name": "CPU", "usable": True, "reason": None}
    send("result", id=command["id"], devices=[cpu], versions={"python": "3", "cuda": None})


def constantImage(command: dict) -> None:
    message, hint = "All voxels are equal.", "Choose another image."
    send("error", id=command["id"], code="CONSTANT_IMAGE", message=message, hint=hint)


def brokenGpu(command: dict, alsoTheCpu: bool = False) -> None:
    send("progress", id=command["id"], done=1, total=2)
    if command["device"] == "cpu" and not alsoTheCpu:
        sendResult(command)
    else:
        exitWith(86, "CUDA error: an illegal memory access was encountered")


def onceThen(end):
    """A result, and at the next command the end without an event."""

    def behave(command: dict) -> None:
        if Path(sys.argv[2] + ".done").exists():
            Path(sys.argv[2] + ".done").unlink()
            end()
        Path(sys.argv[2] + ".done").touch()
        sendResult(command)

    return behave


def atTheSecond(behave):
    """The first command of the process succeeds."""
    done = []

    def act(command: dict) -> None:
        done.append(command["id"])
        (behave if len(done) == 2 else work)(command)

    return act


def countStart(command: dict) -> None:
    """Crashes without an event; a file grows by a letter each time."""
    with open(sys.argv[2] + ".starts", "a") as file:
        file.write("x")
    die(signal.SIGSEGV)


def closesStdout(command: dict) -> None:
    """Lives on, but nothing can be received of it any more."""
    os.close(1)
    time.sleep(60)


def deaf(command: dict) -> None:
    """Sends heartbeats, reads nothing and ignores a request to terminate."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        send("heartbeat")
        time.sleep(0.05)


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def exitWith(code: int, message: str) -> None:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)


def asTold(command: dict) -> None:
    """A test writes beside the file of the process id how the next run is to go."""
    BEHAVIOURS[Path(sys.argv[2] + ".next").read_text()](command)


BEHAVIOURS = {
    "as told": asTold,
    "exclusive": work,
    "hangs when asked for devices": work,
    "slow to rank": work,
    "dies when asked to rank": work,
    "overlapping": lambda command: sendResult(command, layers=2, values=(1, 1)),
    "sparse values": lambda command: sendResult(command, values=(7, 3)),
    "only diagnosis": lambda command: sendResult(command, drop=("segments",)),
    "only segments": lambda command: sendResult(command, drop=("diagnosis",)),
    "printing": printing,
    "error": constantImage,
    "segfault": lambda command: die(signal.SIGSEGV),
    "killed": lambda command: die(signal.SIGKILL),
    "garbage": lambda command: print("\x00\xff not JSON", flush=True) or exitWith(0, "bye"),
    "exit code": lambda command: exitWith(3, "Something went wrong in here"),
    "missing package": lambda command: exitWith(1, "ModuleNotFoundError: No module named 'torch'"),
    "silence": lambda command: time.sleep(60),
    "slow": slow,
    "paced": paced,
    "deaf": deaf,
    "broken gpu": brokenGpu,
    "broken": lambda command: brokenGpu(command, alsoTheCpu=True),
    "hangs before the second job": onceThen(lambda: time.sleep(60)),
    "killed before the second job": onceThen(lambda: die(signal.SIGKILL)),
    "leaves before the second job": onceThen(lambda: sys.exit(0)),
    "slow at the second": atTheSecond(slow),
    "error at the second": atTheSecond(constantImage),
    "segfault at the second": atTheSecond(lambda command: die(signal.SIGSEGV)),
    "wrong shape at the second": atTheSecond(lambda command: sendResult(command, drop=("slice",))),
    "bad report at the second": atTheSecond(lambda command: sendResult(command, drop=("colour",))),
    "no heart": work,
    "answers and dies": lambda command: sendResult(command) or die(signal.SIGKILL),
    "counts its starts": countStart,
    "closes stdout": closesStdout,
    "nonsense event": lambda command: send("progress", id=command["id"], done="many"),
    "dies when cancelled": lambda command: receive() and die(signal.SIGSEGV),
    "lost labels": lambda command: sendResult(command, drop=("labels",)),
    "wrong shape": lambda command: sendResult(command, drop=("slice",)),
    "bad report": lambda command: sendResult(command, drop=("colour",)),
}


def main() -> None:
    behaviour, pidFile = sys.argv[1:]
    Path(pidFile).write_text(str(os.getpid()))
    if behaviour == "never ready":
        time.sleep(60)
    send("ready", protocol=2, version="0")
    others = {"explain": explain, "compare": compare, "patient": patient, "devices": devices, "rank": rank}
    commands = {"predict": BEHAVIOURS.get(behaviour), **others}
    while (command := receive())["command"] != "quit":
        if command["command"] in commands:
            commands[command["command"]](command)


if __name__ == "__main__":
    main()
