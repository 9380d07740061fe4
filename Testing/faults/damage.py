"""Damage to the files of a job."""

from __future__ import annotations

import random
from pathlib import Path

from faults.mutations import mutate


def damage(path: Path, draw: random.Random) -> None:
    """Truncate a file or flip bits in it; what was there before is never there afterwards."""
    before = path.read_bytes()
    after = before
    while after == before:
        after = mutate(before, draw) if draw.random() < 0.7 else before[: draw.randrange(len(before))]
    path.write_bytes(after)
