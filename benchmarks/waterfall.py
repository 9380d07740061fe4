"""Which part of `resformer-unet predict` runs when, and on which thread: its processor times, and a picture of them.

    python benchmarks/volumes.py head.nii.gz --slices 200 --size 512
    python benchmarks/waterfall.py head.nii.gz [--model FOLDER] [--picture waterfall.svg]

Processor times are taken with the network on one thread, and hold on a busy computer too. From them the program lays
out the job as on two free cores: the network on two threads takes half its processor time, every other part takes its
own. That the parts beside the network take a share of its two cores is not in the picture, but in the figures
`over_network` (by the network's time in the job, as `predict_job.py` times it) and `over_network_alone`.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from measuring import job_parser, put, rounds
from resformer_unet.batch import run
from resformer_unet.batch.run import predict_files
from resformer_unet.image import guarded_reading
from resformer_unet.inference.pipeline import Stopwatch

CORES = 2
MAIN, BESIDE, MASKS, READER = "main thread", "next batch", "last batch's masks", "reader process"


class Times:
    """Processor seconds of each part, in their order; the engine's own stopwatch is listened to."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = defaultdict(list)
        self._thread_step, self._read, self._write = Stopwatch.step, run.read_case, run.write_case

    def __enter__(self) -> Times:
        times, step = self, self._thread_step

        @contextmanager
        def timed(watch: Stopwatch, name: str):
            with step(watch, name), times.part(name):
                yield

        Stopwatch.step = timed
        run.read_case, run.write_case = self._timed_reading, self._timed("write", self._write)
        return self

    def __exit__(self, *_) -> None:
        Stopwatch.step, run.read_case, run.write_case = self._thread_step, self._read, self._write

    @contextmanager
    def part(self, name: str):
        began = time.thread_time()
        yield
        self.of[name].append(time.thread_time() - began)

    def _timed(self, name: str, function):
        def timed(*arguments):
            with self.part(name):
                return function(*arguments)

        return timed

    def _timed_reading(self, case):
        before, began = _reader_seconds(), time.thread_time()
        try:
            return self._read(case)
        finally:
            # The process that unpacks and the thread that receives the voxels work at the same time.
            self.of["read"].append(max(_reader_seconds() - before, time.thread_time() - began))


def _reader_seconds() -> float:
    """Processor seconds of the reader process that is idle; 0 without one."""
    if not guarded_reading._idle:
        return 0.0
    fields = Path(f"/proc/{guarded_reading._idle[-1]._process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def layout(times: dict[str, list[float]]) -> list[tuple[str, str, float, float]]:
    """(part, thread, begin, end) in seconds as on free cores, by the order in which the engine's threads wait for one
    another."""
    check, *batches = times["prepare"]
    *masks, tail = times["postprocess"]
    network = [seconds / CORES for seconds in times["network"]]
    bars, now = [("read", READER, 0.0, times["read"][0])], times["read"][0]

    def main(part: str, seconds: float) -> None:
        nonlocal now
        bars.append((part, MAIN, now, now + seconds))
        now += seconds

    main("check, percentiles", check)
    ready, masks_done = [], 0.0

    def prepare(index: int) -> None:
        begin = max(now, ready[-1] if ready else 0.0)
        ready.append(begin + batches[index])
        bars.append(("prepare", BESIDE, begin, ready[-1]))

    prepare(0)
    for index, seconds in enumerate(network):
        if index + 1 < len(batches):
            prepare(index + 1)
        now = max(now, ready[index])
        main("network", seconds)
        begin = now = max(now, masks_done)
        masks_done = begin + masks[index]
        bars.append(("masks", MASKS, begin, masks_done))
    now = max(now, masks_done)
    main("components, report", tail)
    main("write", times["write"][0])
    return bars


def figures(times: dict[str, list[float]]) -> dict[str, float]:
    check, *batches = times["prepare"]
    *masks, tail = times["postprocess"]
    network, beside = sum(times["network"]), sum(batches) + sum(masks)
    alone = times["read"][0] + check + tail + times["write"][0]
    within = (network + beside) / CORES  # both cores are busy as long as the network runs
    return {
        "read": times["read"][0], "check": check, "network": network, "prepare": sum(batches), "masks": sum(masks),
        "tail": tail, "write": times["write"][0], "over_network": (alone + within) / within,
        "over_network_alone": (alone + within) / (network / CORES),
    }  # fmt: skip


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--picture", type=Path, help="an SVG to draw")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # a thread's processor time is then all of the network's

    with tempfile.TemporaryDirectory() as folder:

        def predict() -> dict[str, list[float]]:
            with Times() as times:
                (outcome,) = predict_files([options.file], options.model, Path(folder), device=options.device)
            if isinstance(outcome.result, Exception):
                raise outcome.result
            return times.of

        predict()  # starts the reader process
        measured = rounds(predict, options.seconds, options.rounds)
    rows = [figures(times) for times in measured]
    middle = sorted(zip(rows, measured, strict=True), key=lambda pair: pair[0]["over_network"])[len(rows) // 2][1]
    bars = layout(middle)
    put(
        "waterfall", rounds=len(rows), bars=bars,
        figures={name: statistics.median(row[name] for row in rows) for name in rows[0]},
    )  # fmt: skip
    if options.picture:
        from plots import draw_waterfall

        draw_waterfall(bars, options.picture)


if __name__ == "__main__":
    main()
