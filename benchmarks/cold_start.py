"""From nothing to the first slice: a worker is started and asked for one slice at once; also the command line.

    python benchmarks/cold_start.py [--size 256] [--rounds 5]

The files of Python and PyTorch are in the operating system's cache, as on a computer that is in use: the first start
is not counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from measuring import job_parser, medians, put, rounds, seconds_of
from volumes import head_volume, save_head


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        array, file = folder / "image.npy", folder / "image.nii.gz"
        np.save(array, head_volume(1, options.size))
        save_head(file, 1, options.size)
        image = {"array": str(array), "affine_lps": np.eye(4).tolist(), "name": "head"}
        command = {
            **{"command": "predict", "id": "1", "model": options.model, "device": options.device},
            **{"image": image, "output": str(folder)},
        }
        predict = [
            *(sys.executable, "-m", "resformer_unet", "predict", file),
            *("--model", options.model, "--device", options.device, "--output", folder / "results"),
        ]

        def one_round() -> dict[str, float]:
            by_hand = seconds_of(lambda: subprocess.run(predict, check=True, capture_output=True))
            return {**worker_times(command), "command_line": by_hand}

        one_round()
        measured = rounds(one_round, options.seconds, options.rounds)
    put("cold start", size=options.size, device=options.device, rounds=len(measured), seconds=medians(measured))


def worker_times(command: dict) -> dict[str, float]:
    """Seconds from the start of a new worker until it is there, has done the slice, and has given its result."""
    started = time.perf_counter()
    worker = subprocess.Popen(
        [sys.executable, "-m", "resformer_unet.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    times = {}
    with worker:
        worker.stdin.write(json.dumps(command) + "\n")
        worker.stdin.flush()
        for line in worker.stdout:
            event = json.loads(line)
            name = {"ready": "worker_ready", "progress": "first_slice", "result": "result"}.get(event["event"])
            if name:
                times[name] = time.perf_counter() - started
            if event["event"] == "error":
                raise RuntimeError(event["message"])
            if event["event"] == "result":
                break
        worker.stdin.close()
    return times


if __name__ == "__main__":
    main()
