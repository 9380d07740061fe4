"""Many small images, and volumes up to 1024x1024x1000: does a case's time stay flat, is memory bounded?

    python benchmarks/scale.py [--cases 10000] [--slices 125 250 500 1000] [--model FOLDER] [--picture scale.svg]

Each measurement is a process of its own and goes the way of `resformer-unet predict`: reader process, network,
segmentation file, report. Times are processor times of both processes, so they hold on a busy computer too. The rows go
to benchmarks/results/scale.jsonl; those of another number of cases or slices stay. On two free cores all of it takes
about a quarter of an hour, and 3 GB of the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from measuring import MEGABYTE, Memory, put
from resformer_unet.batch.run import predict_files
from resformer_unet.image import guarded_reading
from resformer_unet.image.gzip_blocks import packer
from volumes import head_volume, save_head

HERE = Path(__file__).resolve().parent
ROWS = HERE / "results" / "scale.jsonl"
SIDE, POINTS = 128, 100  # pixels of a small image; points of the curve over the cases
LARGE, DISTINCT = 1024, 20  # pixels of a large slice; slices that are drawn and repeated


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000, help="small images; 0: none (default: 10000)")
    parser.add_argument("--slices", type=int, nargs="*", default=[125, 250, 500, 1000])
    parser.add_argument("--model", default="brain-tumor-mr")
    parser.add_argument("--picture", type=Path, help="an SVG to draw of all rows")
    parser.add_argument("--measure", choices=["cases", "volume"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        with tempfile.TemporaryDirectory() as folder:
            measure = measure_cases if options.measure == "cases" else measure_volume
            measure(Path(folder), options.cases or options.slices[0], options.model)
        return 0
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()] if ROWS.exists() else []
    steps = [("cases", options.cases)] if options.cases else []
    for what, count in [*steps, *(("volume", slices) for slices in options.slices)]:
        numbers = ["--cases", str(count)] if what == "cases" else ["--cases", "0", "--slices", str(count)]
        command = [sys.executable, __file__, "--measure", what, *numbers, "--model", options.model]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout)
        print({key: value for key, value in row.items() if not isinstance(value, list)}, flush=True)
        rows = [other for other in rows if (other["part"], other["count"]) != (row["part"], row["count"])] + [row]
        ROWS.parent.mkdir(exist_ok=True)
        ROWS.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf-8")
    if options.picture:
        from plots import draw_scale

        draw_scale(rows, options.picture)
    return 0


def measure_cases(folder: Path, count: int, model: str) -> None:
    """One row: milliseconds and memory along the cases, each point the median of a hundredth of them."""
    inputs, output = draw_pictures(folder / "in", count), folder / "out"
    seconds, own, reader = [], [], []
    before = processor_seconds(with_reader=False)
    for outcome in predict_files(inputs, model, output, device="cpu"):
        if isinstance(outcome.result, Exception):
            raise outcome.result
        now = processor_seconds()
        seconds.append(now - before)
        own.append(Memory().now())
        reader.append(Memory(reader_process()).now())
        before = now
    groups = np.array_split(np.arange(count), min(POINTS, count))
    put(
        "scale cases", count=count,
        at=[int(group[-1]) + 1 for group in groups],
        ms=[1000 * float(np.mean(np.take(seconds, group))) for group in groups],
        own_mb=[max(np.take(own, group)) / MEGABYTE for group in groups],
        reader_mb=[max(np.take(reader, group)) / MEGABYTE for group in groups],
    )  # fmt: skip


def measure_volume(folder: Path, slices: int, model: str) -> None:
    """One row: peak memory of both processes and processor seconds for one volume of large slices."""
    path = draw_volume(folder / "head.nii.gz", slices)
    before, started = Memory().now(), processor_seconds(with_reader=False)
    Memory().forget_peak()
    (outcome,) = predict_files([path], model, folder / "out", device="cpu")
    if isinstance(outcome.result, Exception):
        raise outcome.result
    put(
        "scale volume", count=slices, size=LARGE, seconds=processor_seconds() - started,
        peak_mb=(Memory().peak() - before) / MEGABYTE, reader_peak_mb=Memory(reader_process()).peak() / MEGABYTE,
        voxels_mb=2 * slices * LARGE**2 / MEGABYTE, file_mb=path.stat().st_size / MEGABYTE,
    )  # fmt: skip


def draw_pictures(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    generator, (head,) = np.random.default_rng(0), head_volume(1, SIDE)
    scale = 255 / head.max()
    for index in range(count):
        noisy = head * scale + generator.normal(0, 5, head.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / f"{index:05}.png")
    return sorted(folder.iterdir())


def draw_volume(path: Path, slices: int) -> Path:
    """A compressed volume that is never in memory as a whole: a few slices of the head, over and over."""
    small = path.with_name("small.nii")
    save_head(small, DISTINCT, LARGE)
    header = bytearray(small.read_bytes()[:352])
    header[40:48] = np.array([3, LARGE, LARGE, slices], "<i2").tobytes()  # dim
    voxels = np.fromfile(small, np.int16, offset=352).reshape(DISTINCT, -1)
    small.unlink()
    gzip = packer()
    with path.open("wb") as file:
        file.write(gzip.compress(bytes(header)))
        for index in range(slices):
            file.write(gzip.compress(voxels[index * DISTINCT // slices].data))
        file.write(gzip.flush())
    return path


@cache
def reader_process() -> int:
    """The first one that is seen idle: one thread reads, so there is no other."""
    while not guarded_reading._idle:
        time.sleep(0.01)
    return guarded_reading._idle[0]._process.pid


def processor_seconds(with_reader: bool = True) -> float:
    """Of this process and of the one that reads."""
    seconds = time.process_time()
    if with_reader:
        fields = Path(f"/proc/{reader_process()}/stat").read_text("utf-8").rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
