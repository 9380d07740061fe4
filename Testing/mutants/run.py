"""Mutation testing: small changes to the engine's code, one at a time, that the tests of its package have to notice.

`make mutants` judges a sample of each package; the same seed draws the same places. What has been judged is kept in
.cache/mutants, so a run that was stopped goes on, and a survivor is judged anew only when the package's tests have
changed. Changes that cannot alter any result are listed in equivalent.json, each with the reason.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

os.environ.setdefault("OMP_NUM_THREADS", "1")

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE.parent)]

from mutants import judge  # noqa: E402
from mutants.candidates import Candidate, sample  # noqa: E402
from mutants.packages import PACKAGES, Package  # noqa: E402

SHORTEST_LIMIT_S = 30.0  # for one mutant; longer where the package's tests take long


@dataclass(frozen=True)
class Change:
    """A candidate with what it does to the file, and its verdict if there is one."""

    candidate: Candidate
    mutated: str
    was: str
    becomes: str
    verdict: str | None = None

    @property
    def place(self) -> str:
        return f"{self.candidate.file}:{self.candidate.position[0]}"


def changes(package: Package, count: int | None, seed: int) -> list[Change]:
    found = []
    for candidate in sample(package.files, ROOT, count, seed):
        source = (ROOT / candidate.file).read_text(encoding="utf-8")
        mutated = candidate.apply(source)
        lines = list(difflib.ndiff(source.splitlines(), mutated.splitlines()))
        was, becomes = (" ".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        found.append(Change(candidate, mutated, was, becomes))
    return found


class Ledger:
    """Verdicts of earlier runs, a JSON object a line; a later line for the same change replaces an earlier one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._known = {entry["change"]: entry for entry in map(json.loads, lines)}

    def verdict(self, change: Change, tests: str) -> str | None:
        """What is known of the change; `None` if it survived other tests than these, which may notice it."""
        entry = self._known.get(self._key(change), {"verdict": None, "tests": tests})
        return entry["verdict"] if entry["verdict"] != judge.SURVIVED or entry["tests"] == tests else None

    def add(self, change: Change, tests: str, verdict: str) -> None:
        entry = {"change": self._key(change), "tests": tests, "verdict": verdict, "place": change.place}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    @staticmethod
    def _key(change: Change) -> str:
        return hashlib.sha256(change.mutated.encode()).hexdigest()


def judged(package: Package, found: Sequence[Change], ledger: Ledger, cache: Path, jobs: int) -> Iterator[Change]:
    """The changes with their verdicts, in the order in which these come."""
    tests = _fingerprint(ROOT / package.tests[0])
    waiting = []
    for change in found:
        verdict = ledger.verdict(change, tests)
        if verdict is None:
            waiting.append(change)
        else:
            yield Change(change.candidate, change.mutated, change.was, change.becomes, verdict)
    if not waiting:
        return

    trees: Queue[Path] = Queue()
    for number in range(jobs):
        judge.copy_tree(ROOT, cache / f"tree-{number}")
        trees.put(cache / f"tree-{number}")
    passed, seconds = judge.run_tests(cache / "tree-0", package.tests, limit_s=600)
    if not passed:
        raise SystemExit(f"The tests of {package.name} fail without any change; see {cache / 'tree-0' / 'pytest.log'}.")
    limit_s = max(SHORTEST_LIMIT_S, 5 * seconds)
    print(f"{package.name}: {len(waiting)} to judge; its tests take {seconds:.0f} s", flush=True)

    def one(change: Change) -> Change:
        tree = trees.get()
        try:
            verdict = judge.verdict(tree, change.candidate.file, change.mutated, package.tests, limit_s)
        finally:
            trees.put(tree)
        ledger.add(change, tests, verdict)
        return Change(change.candidate, change.mutated, change.was, change.becomes, verdict)

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, waiting)
    for number in range(jobs):
        shutil.rmtree(cache / f"tree-{number}")


def _fingerprint(folder: Path) -> str:
    texts = [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def is_equivalent(change: Change, listed: Sequence[dict]) -> bool:
    """Whether a change is listed; comments at the end of a line and spaces do not count."""
    words = (_code(change.was), _code(change.becomes))
    return any(
        change.candidate.file.endswith(entry["file"]) and words == (_code(entry["was"]), _code(entry["becomes"]))
        for entry in listed
    )


def _code(line: str) -> str:
    return "".join(line.partition("  #")[0].split())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="all of packages.py if none is given")
    parser.add_argument("--count", type=int, default=40, help="places drawn in each package (default: %(default)s)")
    parser.add_argument("--all", action="store_true", help="every change to every place; takes hours")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="judged at a time (default: one a core)")
    parser.add_argument("--at-least", type=float, default=90.0, help="percentage to be noticed (default: %(default)s)")
    parser.add_argument("--fresh", action="store_true", help="forget the verdicts of earlier runs")
    options = parser.parse_args()

    chosen = [package for package in PACKAGES if package.name in options.packages or not options.packages]
    if unknown := set(options.packages) - {package.name for package in chosen}:
        parser.error(f"no such package: {', '.join(sorted(unknown))}")
    cache = ROOT / ".cache" / "mutants"
    if options.fresh:
        shutil.rmtree(cache, ignore_errors=True)
    ledger = Ledger(cache / "verdicts.jsonl")
    listed = json.loads((HERE / "equivalent.json").read_text(encoding="utf-8"))
    judge.load_libraries()

    table = ["| package | mutants | equivalent | noticed | survived | % noticed |", "|---|---|---|---|---|---|"]
    survivors, enough = [], True
    for package in chosen:
        found = changes(package, None if options.all else options.count, options.seed)
        counted = [change for change in found if not is_equivalent(change, listed)]
        left = [
            change
            for change in judged(package, counted, ledger, cache, options.jobs)
            if change.verdict == judge.SURVIVED
        ]
        noticed = len(counted) - len(left)
        percentage = 100 * noticed / max(len(counted), 1)
        enough &= percentage >= options.at_least
        counts = (len(found), len(found) - len(counted), noticed, len(left), f"{percentage:.0f}")
        table.append(f"| {package.name} | " + " | ".join(map(str, counts)) + " |")
        survivors += sorted(left, key=lambda change: (change.candidate.file, change.candidate.position))
    report = [*table, "", "Survivors:", ""]
    report += [f"{change.place}\n    - {change.was}\n    + {change.becomes}" for change in survivors]
    text = "\n".join(report) + "\n"
    (cache / "report.md").write_text(text, encoding="utf-8")
    print(text)
    return 0 if enough else 1


if __name__ == "__main__":
    raise SystemExit(main())
