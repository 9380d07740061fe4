"""The rows that the measurements have left behind."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
GPU_RESULTS = RESULTS / "gpu"  # apart, since they may come from another machine


class Results:
    """Rows by part; `left_out` rows say why something could not be measured here.

    >>> results = Results.load(Path("benchmarks/results"))
    >>> results.one("cold start")["seconds"]["first_slice"]
    """

    def __init__(self, rows: Iterable[dict]) -> None:
        self._rows = list(rows)

    @classmethod
    def load(cls, folder: Path) -> Results:
        """Raises SystemExit for rows of several machines; a folder without results, or none, gives none."""
        files = sorted(folder.glob("*.jsonl"))
        rows = [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]
        if len({(row["processor"], row["used"], row["gpu"]) for row in rows if row["part"] == "machine"}) > 1:
            raise SystemExit(f"The results in {folder} are of several machines: delete them and measure again.")
        return cls(rows)

    def all(self, part: str, **wanted) -> list[dict]:
        """The rows of a part that have these values, without those that were left out."""
        return [row for row in self._matching(part, wanted) if "left_out" not in row]

    def one(self, part: str, **wanted) -> dict | None:
        rows = self.all(part, **wanted)
        return rows[0] if rows else None

    def left_out(self, part: str) -> dict[str, str]:
        """Why, by network or model."""
        rows = self._matching(part, {})
        return {row.get("network") or row["model"]: row["left_out"] for row in rows if "left_out" in row}

    def __bool__(self) -> bool:
        return bool(self._rows)

    @property
    def quick(self) -> bool:
        return any(row.get("quick") for row in self._rows)

    def _matching(self, part: str, wanted: dict) -> list[dict]:
        return [row for row in self._rows if row["part"] == part and all(row.get(key) == wanted[key] for key in wanted)]
