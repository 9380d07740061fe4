"""Measures what a graphics card brings, in less than ten minutes; on a machine without one it tries all of it briefly.

    python benchmarks/gpu.py [--model brain-tumor-mr] [--minutes 9.5] [--only throughput] [--results FOLDER]

It needs PyTorch and this checkout, no installation and no internet. Packages that are missing are named, and what needs
them is left out; `carried_packages.py` says how to bring them along. Each part runs in a process of its own with a time
limit. The rows are written after each part, so that a run that is cut off loses nothing that was done; `document.py`
puts them into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import gpu_plan
import run
from carried_packages import WHEELS, missing, unpack_wheels, use_packages
from plan import Measurement
from results import GPU_RESULTS

ROWS = "gpu.jsonl"
LEAST = 10.0  # seconds; a part that has less left is not begun


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="brain-tumor-mr", help="id or folder, of a model for grey images")
    parser.add_argument("--minutes", type=float, default=9.5, help="for everything (default: 9.5)")
    parser.add_argument("--only", nargs="+", metavar="PROGRAM", help="such as throughput, memory_ladder")
    parser.add_argument("--results", type=Path, default=GPU_RESULTS, help="folder of the rows")
    parser.add_argument("--wheels", type=Path, default=WHEELS, help="folder of packages that were brought along")
    options = parser.parse_args()
    if sys.platform != "linux":
        parser.error("memory is measured by Linux's /proc: the benchmark runs on Linux only")
    until = time.monotonic() + 60 * options.minutes
    options.results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        unpack_wheels(options.wheels, Path(folder) / "packages")
        use_packages(Path(folder) / "packages")
        (machine,), _ = run.measure(Measurement("machine"), None)
        if machine["gpu"] is None:
            print("There is no GPU that PyTorch can use: everything runs on the CPU, at small sizes.", flush=True)
        plan = gpu_plan.full if machine["gpu"] else gpu_plan.small_sizes
        steps = [step for step in plan(options.model) if not options.only or step.program in options.only]
        if not steps:
            parser.error(f"there is no program {', '.join(options.only)}")
        rows = Rows(options.results / ROWS, {**machine, "plan": list(map(_name, steps))})
        work(steps, rows, Path(folder), until)
    print(f"The rows are in {rows.path}", flush=True)
    return 1 if rows.failed else 0


class Rows:
    """The rows so far, on the disk after each part. A part's own row says how it ended."""

    def __init__(self, path: Path, machine: dict) -> None:
        self.path, self.failed = path, 0
        self._rows = [machine]
        run.write(path, self._rows)

    def add(self, step: Measurement, rows: list[dict], seconds: float, outcome: str, why: str | None = None) -> None:
        """outcome: "done", "left out" or "failed"."""
        self.failed += outcome == "failed"
        self._rows += rows
        name = _name(step)
        self._rows.append({"part": "step", "step": name, "seconds": seconds, "outcome": outcome, "why": why})
        run.write(self.path, self._rows)
        print(f"{seconds:5.0f} s  {name}: {outcome}{f', {why}' if why else ''}", flush=True)


def work(
    steps: Iterable[Measurement],
    rows: Rows,
    folder: Path,
    until: float,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """until: by the clock; nothing runs longer. folder: for volumes."""
    for step in steps:
        began = clock()
        if absent := missing(step.needs):
            rows.add(step, [], 0.0, "left out", f"not installed: {', '.join(absent)}")
        elif until - began < LEAST:
            rows.add(step, [], 0.0, "left out", "the time was used up")
        else:
            limited = dataclasses.replace(step, limit=min(step.limit, until - began))
            try:
                found, problem = run.measure(limited, run.volume_file(step, folder))
            except subprocess.CalledProcessError as error:  # the volume could not be drawn
                found, problem = [], str(error)
            rows.add(step, found, clock() - began, "failed" if problem else "done", problem)


def _name(step: Measurement) -> str:
    """The program, and its one network or preset, which tells its steps apart."""
    for option in ("--networks", "--preset"):
        if option in step.arguments:
            after = step.arguments[step.arguments.index(option) + 1 :]
            values = list(itertools.takewhile(lambda word: not word.startswith("--"), after))
            if len(values) == 1:
                return f"{step.program}, {values[0]}"
    return step.program


if __name__ == "__main__":
    sys.exit(main())
