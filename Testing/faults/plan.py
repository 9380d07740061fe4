"""Which fault is injected into which job: drawn from the seed and the fault's number alone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

# Of a hundred faults; a training takes the longest, a run in a scene the least time.
SHARES = {"command line": 40, "scene": 45, "cluster": 10, "training": 5}


@dataclass(frozen=True)
class Fault:
    """One fault; all that it draws comes from ``random()``."""

    number: int
    job: str
    kind: str
    seed: int

    def random(self) -> random.Random:
        return random.Random(f"{self.seed} {self.job} {self.number}")


def plan(seed: int, count: int, kinds: Mapping[str, Mapping[str, int]]) -> list[Fault]:
    """The faults of a campaign.

    Args:
        count: faults in all; they are shared out by :data:`SHARES`.
        kinds: for each job its kinds of fault with their weights.
    """
    faults = []
    for job, weights in kinds.items():
        for number in range(round(count * SHARES[job] / sum(SHARES.values()))):
            kind = random.Random(f"{seed} {job} {number} kind").choices(list(weights), list(weights.values()))[0]
            faults.append(Fault(number, job, kind, seed))
    return faults
