"""A worker that answers live frames without a network: its segment is where the slice is brighter than 128.

`python fake_live_worker.py PID_FILE`; it writes its process id into PID_FILE. The first voxel of an image tells what it
does with a frame: DIES, FAILS (an error instead of an answer), or SLOW (half a second).
"""

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ResFormerSeg"))

import numpy as np

from resformer_unet.worker.frame_ring import FrameReader, FrameWriter

DIES, FAILS, SLOW = 251, 252, 253


def send(event: str, **fields) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)


def reportFor(image: dict, labels: np.ndarray, index: int) -> dict:
    bright = float(labels.mean())
    probabilities = {"benign": 1 - bright, "malignant": bright}
    label = max(probabilities, key=probabilities.get)
    voxels = int(labels.sum())
    return {
        "case": image["name"],
        "model": {"id": "fake", "version": "1.0.0", "sha256": "0" * 64}, "device": "cpu", "engine": "none",
        "diagnosis": {
            "label": label, "name": label.capitalize(), "code": None, "probability": probabilities[label],
            "probabilities": probabilities, "rule": "mean", "rule_text": "Mean.", "calibrated": True,
        },
        "segments": [
            {"id": "lesion", "name": "Lesion", "value": 1, "layer": 0, "color": [255, 0, 0], "terminology": None,
             "voxels": voxels, "volume_mm3": float(voxels), "longest_diameter_mm": 1.0, "center_lps": None}
        ],
        "slice_axis": {"plane": "axial", "array_axis": 0}, "largest_lesion": None, "grid": None,
        "slices": [
            {"index": index, "probabilities": probabilities, "voxels": {"lesion": voxels},
             "area_mm2": {"lesion": float(voxels)}, "longest_diameter_mm": {"lesion": 1.0}}
        ],
        "warnings": [], "reliable": True, "reasons": [], "timing_s": {"total": 0.0},
    }  # fmt: skip


def main() -> None:
    Path(sys.argv[1]).write_text(str(os.getpid()))
    send("ready", protocol=2, version="fake")
    reader, writer, identifier = FrameReader(), None, ""
    for line in sys.stdin:
        command = json.loads(line)
        if command["command"] == "live":
            identifier, writer = command["id"], FrameWriter(Path(command["output"]), "answer")
            send("status", id=identifier, message="Live")
        elif command["command"] == "frame":
            image, number = command["image"], command["number"]
            size = int(np.prod(image["shape"])) * np.dtype(image["dtype"]).itemsize
            content = reader.read(image["slot"], image["number"], size)
            if content is None:
                continue
            voxels = np.frombuffer(content, image["dtype"]).reshape(image["shape"])
            told = int(voxels.flat[0])
            if told == DIES:
                os.abort()
            if told == FAILS:
                error = {"code": "CONSTANT_IMAGE", "message": "Every pixel is black.", "hint": ""}
                send("answer", id=identifier, number=number, error=error)
                continue
            if told == SLOW:
                time.sleep(0.5)
            labels = (voxels[command["slice"]] > 128).astype(np.uint8)[None]
            path = writer.write_now(number, memoryview(labels))
            report = reportFor(image, labels, command["slice"])
            send("answer", id=identifier, number=number, labels=path, shape=labels.shape, report=report, seconds=0.0)
        elif command["command"] == "quit":
            return


if __name__ == "__main__":
    main()
