"""The jobs of a campaign, opened one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.plan import SHARES, Fault
from faults.surroundings import small_disk

JOBS = tuple(SHARES)


def kinds() -> dict[str, dict[str, int]]:
    """For each job its kinds of fault with their weights."""
    from faults import cluster, command_line, scene, training

    return {
        "command line": command_line.KINDS, "scene": scene.KINDS, "cluster": cluster.KINDS, "training": training.KINDS,
    }  # fmt: skip


@contextmanager
def open_job(job: str, folder: Path, models: Path) -> Iterator[Callable[[Fault], tuple[str, list[str]]]]:
    """Yields what injects a fault, and returns how it ended and what is wrong."""
    from faults.cluster import Cluster
    from faults.command_line import CommandLine
    from faults.scene import Scene
    from faults.training import Training

    own = folder / job.replace(" ", "-")
    own.mkdir(parents=True, exist_ok=True)
    with small_disk(own / "disk") as disk:
        if job == "command line":
            yield CommandLine(own, models, disk).run
        elif job == "training":
            yield Training(own, disk).run
        else:
            with (Scene if job == "scene" else Cluster)(own, models, disk) as opened:
                yield opened.run
