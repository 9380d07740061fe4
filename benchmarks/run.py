"""Measures everything, one thing after the other, each in a process of its own, and keeps the rows as JSON.

    python benchmarks/run.py [--quick] [--only forward scene_job] [--results FOLDER] [--cores 2]

One file of rows for each program; what was measured before stays until its program runs again. `document.py` makes
docs/benchmarks.md of them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import plan
from results import RESULTS

HERE = Path(__file__).resolve().parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="try everything as briefly as can be")
    parser.add_argument("--only", nargs="+", metavar="PROGRAM", help="such as forward, scene_job, training")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the rows")
    parser.add_argument("--cores", type=int, default=2, help="processors that may be used (default: 2)")
    options = parser.parse_args()
    if sys.platform != "linux":
        parser.error("memory is measured by Linux's /proc: the benchmark runs on Linux only")
    # Of this process and all that it starts.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    os.environ["OMP_NUM_THREADS"] = str(options.cores)
    options.results.mkdir(parents=True, exist_ok=True)

    (machine,), _ = measure(plan.Measurement("machine"), None)
    steps = list((plan.quick if options.quick else plan.full)(gpu=machine["gpu"] is not None))
    if options.only:
        if unknown := set(options.only) - {step.program for step in steps}:
            parser.error(f"there is no program {', '.join(sorted(unknown))}")
        steps = [step for step in steps if step.program in options.only]
    began, failed, found = time.monotonic(), 0, {}
    with tempfile.TemporaryDirectory() as volumes:
        for number, step in enumerate(steps, 1):
            started = time.monotonic()
            rows, problem = measure(step, volume_file(step, Path(volumes)))
            failed += problem is not None
            rows = [{**row, "quick": options.quick} for row in rows]
            found.setdefault(step.program, [{**machine, "quick": options.quick}]).extend(rows)
            write(options.results / f"{step.program}.jsonl", found[step.program])
            print(
                f"{number:3} of {len(steps)}  {time.monotonic() - started:5.0f} s  {step.program} "
                f"{' '.join(step.arguments)[:70]}{f'  FAILED: {problem}' if problem else ''}",
                flush=True,
            )
    print(f"{(time.monotonic() - began) / 60:.1f} minutes in all; the rows are in {options.results}")
    return 1 if failed else 0


def measure(step: plan.Measurement, volume: Path | None) -> tuple[list[dict], str | None]:
    """The rows that the program prints, those before its time was up too, and what went wrong."""
    command = [sys.executable, str(HERE / f"{step.program}.py"), *([str(volume)] if volume else []), *step.arguments]
    try:
        # Messages are UTF-8 whatever the locale, which Slicer's core may change in this process.
        run = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=step.limit
        )
    except subprocess.TimeoutExpired as expired:
        return _rows((expired.stdout or b"").decode("utf-8", "replace")), f"it took longer than {step.limit:.0f} s"
    rows = _rows(run.stdout)
    if run.returncode == 0:
        return rows, None
    lines = run.stderr.strip().splitlines()
    return rows, lines[-1] if lines else f"it ended with the code {run.returncode}"


def write(path: Path, rows: list[dict]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    partial.replace(path)


def volume_file(step: plan.Measurement, folder: Path) -> Path | None:
    """The file of the volume that the measurement reads, drawn by a process of its own unless it is there."""
    if step.volume is None:
        return None
    slices, size = step.volume
    path = folder / f"{size}x{size}x{slices}" / "head.nii.gz"  # alone: Slicer takes numbered files for one series
    if not path.exists():
        path.parent.mkdir()
        command = [sys.executable, str(HERE / "volumes.py"), str(path), "--slices", str(slices), "--size", str(size)]
        subprocess.run(command, check=True)
    return path


def _rows(output: str) -> list[dict]:
    return [row for row in map(_parse, output.splitlines()) if row is not None]


def _parse(line: str) -> dict | None:
    """A row, unless the line is what some library prints."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) and "part" in row else None


if __name__ == "__main__":
    sys.exit(main())
