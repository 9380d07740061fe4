"""What came of each fault, one line of JSON each, so that a campaign that was stopped goes on; and the tables of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

# How a fault may end; only the last one is wrong.
DONE, SAID, DIED, BROKEN = "done", "said", "died", "broken"
HEADINGS = {
    DONE: "went on, right result", SAID: "failed, with a sentence", DIED: "ended by the fault", BROKEN: "wrong",
}  # fmt: skip


class Records:
    """The lines of one file; of several with the same key the last one counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: dict[str, dict] = {}
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:  # the campaign was killed while it wrote
                    continue
                self.rows[row["key"]] = row

    def add(self, key: str, **row: object) -> None:
        self.rows[key] = {"key": key, **row}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.rows[key]) + "\n")

    def is_done(self, key: str, again: bool = False) -> bool:
        """``again``: what went wrong counts as not done."""
        return key in self.rows and not (again and self.rows[key]["outcome"] == BROKEN)


def table(rows: Iterable[dict], of: str, kind: str = "kind") -> str:
    """A table in Markdown: for each pair of ``of`` and ``kind`` how many were injected, and what came of them."""
    rows = list(rows)
    counts = Counter((row[of], row[kind], row["outcome"]) for row in rows)
    lines = [
        f"| {of} | {kind} | injected | {' | '.join(HEADINGS.values())} |",
        f"|---|---|{'--:|' * (1 + len(HEADINGS))}",
    ]
    for name, what in sorted({(row[of], row[kind]) for row in rows}):
        found = [counts[name, what, outcome] for outcome in HEADINGS]
        lines.append(f"| {name} | {what} | {sum(found)} | {' | '.join(str(number or '') for number in found)} |")
    sums = [sum(row["outcome"] == outcome for row in rows) for outcome in HEADINGS]
    lines.append(f"| all | | {len(rows)} | {' | '.join(map(str, sums))} |")
    return "\n".join(lines)
