"""Common parts of all measurements: repeated timing within a budget, resident memory, and rows of results."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

MEGABYTE = 1e6


def job_parser(documentation: str) -> argparse.ArgumentParser:
    """Options of the programs that measure whole jobs; each adds its own."""
    parser = argparse.ArgumentParser(description=documentation.splitlines()[0])
    parser.add_argument("--model", default="brain-tumor-mr")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=30.0, help="for all rounds together (default: 30)")
    parser.add_argument("--rounds", type=int, default=5, help="at most (default: 5)")
    return parser


def put(part: str, **figures) -> None:
    """Print a row of results; `run.py` collects the rows of the programs that it starts."""
    print(json.dumps({"part": part, **figures}, ensure_ascii=False), flush=True)


def rounds(action: Callable[[], object], seconds: float, most: int = 15, least: int = 1) -> list:
    """What `action` returns, again and again: until the next time would not fit into `seconds`, or `most` times."""
    results, started = [], time.perf_counter()
    while len(results) < most:
        results.append(action())
        passed = time.perf_counter() - started
        if len(results) >= least and passed * (1 + 1 / len(results)) > seconds:
            break
    return results


def seconds_of(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def medians(rows: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure, of those that all rows have."""
    names = [name for name in rows[0] if all(name in row for row in rows)]
    return {name: statistics.median(row[name] for row in rows) for name in names}


class Memory:
    """Resident memory of a process in bytes, its code and mapped files included; read from Linux's /proc.

    >>> memory = Memory()
    >>> before = memory.now()
    >>> memory.forget_peak()
    >>> work()
    >>> memory.peak() - before
    """

    def __init__(self, process: int | str = "self") -> None:
        self._folder = Path("/proc") / str(process)

    def now(self) -> int:
        return self._status("VmRSS")

    def peak(self) -> int:
        """The most since the process began, or since `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        (self._folder / "clear_refs").write_text("5")

    def _status(self, name: str) -> int:
        return 1024 * _kilobytes((self._folder / "status").read_text(), name)


def interpreter_with_torch() -> int:
    """Resident bytes of a Python that has imported PyTorch and nothing else."""
    program = "import torch; print(open('/proc/self/status').read())"
    status = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    return _kilobytes(status, "VmRSS") * 1024


def _kilobytes(status: str, name: str) -> int:
    for line in status.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise OSError(f"/proc does not tell {name}: this benchmark needs Linux")
