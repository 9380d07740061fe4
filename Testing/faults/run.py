"""Injects faults into whole jobs, and gives damaged inputs to every reader; goes on where it was stopped.

    make faults
    PYTHONPATH=ResFormerSeg:Testing python -m faults.run [--seed 1] [--faults 1000] [--inputs 10000] [--only JOB ...]

The same seed gives the same faults. What came of each lies in the folder given (`build/faults`), with `report.md`, the
tables, and what went wrong. `--again` repeats what went wrong before. Exit code 1: something went wrong.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from faults import children
from faults.jobs import JOBS, kinds, open_job
from faults.plan import SHARES, plan
from faults.records import BROKEN, Records, table
from helpers.paths import ROOT, withHelpers

READERS = "readers"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m faults.run", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=1000, help="in all jobs together")
    parser.add_argument("--inputs", type=int, default=10_000, help="of all readers together")
    parser.add_argument("--only", nargs="+", choices=[*JOBS, READERS], default=[*JOBS, READERS], metavar="JOB")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "faults")
    parser.add_argument("--again", action="store_true", help="repeat what went wrong")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time; go on another day")
    chosen = parser.parse_args(arguments)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(withHelpers(), OMP_NUM_THREADS="1", ORT_DISABLE_TELEMETRY="1")
    children.become_subreaper()
    deadline = time.monotonic() + chosen.seconds
    models = _models(chosen.folder / "models")
    for job in JOBS:
        if job in chosen.only:
            _inject(job, models, chosen, deadline)
    if READERS in chosen.only:
        from faults.reading import read_all

        read_all(chosen.folder, chosen.seed, chosen.inputs, chosen.again, deadline)
    return _report(chosen.folder)


def _models(folder: Path) -> Path:
    """Tiny models; the grey one with its graph."""
    if not (folder / "grey" / "network.onnx").exists():
        for arguments in (["helpers.make_tiny_models", folder], ["resformer_unet", "export", folder / "grey"]):
            subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    return folder


def _inject(job: str, models: Path, chosen: argparse.Namespace, deadline: float) -> None:
    records = Records(chosen.folder / f"{job.replace(' ', '-')}.jsonl")
    faults = [fault for fault in plan(chosen.seed, chosen.faults, kinds()) if fault.job == job]
    waiting = [fault for fault in faults if not records.is_done(f"{fault.seed} {fault.number}", chosen.again)]
    if not waiting:
        return
    with open_job(job, chosen.folder, models) as run:
        for fault in waiting:
            if time.monotonic() > deadline:
                return
            begun = time.monotonic()
            outcome, wrong = _ended(run, fault)
            seconds = round(time.monotonic() - begun, 1)
            records.add(
                f"{fault.seed} {fault.number}", job=job, kind=fault.kind, outcome=BROKEN if wrong else outcome,
                wrong=wrong, seconds=seconds,
            )  # fmt: skip
            print(f"{job} {fault.number} {fault.kind}: {'; '.join(wrong) or outcome} ({seconds} s)", flush=True)


def _ended(run: Callable, fault) -> tuple[str, list[str]]:
    try:
        return run(fault)
    except Exception:  # of the campaign itself
        return BROKEN, [traceback.format_exc()]


def _report(folder: Path) -> int:
    """Write the tables of all that was done so far."""
    rows = [row for job in SHARES for row in Records(folder / f"{job.replace(' ', '-')}.jsonl").rows.values()]
    inputs = list(Records(folder / f"{READERS}.jsonl").rows.values())
    text = [table(rows, "job", "kind"), "", table(inputs, "reader", "kind")]
    broken = [row for row in (*rows, *inputs) if row["outcome"] == BROKEN]
    text += ["", *(f"- {row.get('job') or row.get('reader')}, {row['kind']}: {row['wrong']}" for row in broken)]
    (folder / "report.md").write_text("\n".join(text) + "\n", "utf-8")
    print(f"{len(rows)} faults and {len(inputs)} inputs; {len(broken)} went wrong: {folder / 'report.md'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
