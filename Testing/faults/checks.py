"""What must hold after a fault; each function returns what is wrong, as sentences."""

from __future__ import annotations

import hashlib
import json
import signal
from pathlib import Path

from faults.children import Child

# What Python writes by itself when it is interrupted at its very end, and what is no error of the job.
_NO_SENTENCE = ("Traceback (most recent call last)", "failed unexpectedly", "INTERNAL", "Fatal Python error")


def content(folder: Path) -> dict[str, str]:
    """SHA-256 of each file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def sentences(child: Child, code: int, allowed: set[int]) -> list[str]:
    """How a job ended: with an exit code that is allowed, soon enough, and with a sentence if it failed."""
    wrong = []
    if child.hung:
        wrong.append("did not end")
    elif code not in allowed:
        wrong.append(f"exit code {code}")
    said = child.output + child.errors
    wrong += [f"printed “{words}”: {_around(said, words)}" for words in _NO_SENTENCE if words in said]
    if code == 1 and not any(len(line) > 25 for line in child.errors.splitlines() if "error: " in line):
        wrong.append(f"failed without a sentence: {child.errors[-200:]!r}")
    return wrong


def _around(text: str, words: str) -> str:
    place = text.index(words)
    return repr(text[max(0, place - 200) : place + 1500][-900:])


def nothing_lives(child: Child) -> list[str]:
    return [f"an orphan: {command}" for command in child.orphans().values()]


def results(output: Path, after_death: bool = False) -> list[str]:
    """No half-written result: each report is whole, and its files are there and as it states.

    Args:
        after_death: the process was killed: its temporary files wait for the next run.
    """
    wrong = []
    if not output.is_dir():
        return wrong
    for path in output.iterdir():
        if path.name.startswith("."):
            if not after_death:
                wrong.append(f"left in the output: {path.name}")
        elif path.suffix == ".json":
            wrong += _report(path)
    return wrong


def _report(path: Path) -> list[str]:
    try:
        report = json.loads(path.read_text("utf-8"))
        files = report["files"].items()
    except (ValueError, KeyError, AttributeError) as error:
        return [f"half a report: {path.name} ({error!r})"]
    return [f"{path.name} without its own {name}" for name, digest in files if not _is(path.with_name(name), digest)]


def _is(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def empty(folder: Path, what: str) -> list[str]:
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else []
    return [f"left in {what}: {', '.join(left[:5])}"] if left else []


def same(found: dict, expected: dict, what: str) -> list[str]:
    if found == expected:
        return []
    differing = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    return [f"{what} differ: {', '.join(differing[:5])}"]


def signals(*numbers: signal.Signals) -> set[int]:
    return {-int(number) for number in numbers}
