"""Full disks, little memory, and clocks that jump."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096
CLOCK = Path(__file__).parent / "clock"  # on the path of Python, its sitecustomize makes the clock of a process jump
JUMPS = (-10 * 365 * 86400.0, -86400.0, -3600.0, -1.0, 1.0, 3600.0, 86400.0, 10 * 365 * 86400.0)


class SmallDisk:
    """A disk of its own, of a few pages: a tmpfs where this user may mount one.

    ``isReal`` is false where not; :meth:`limit` then stands in for it with the largest size of a file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        options = ["-t", "tmpfs", "-o", f"size={16 * PAGE}", "tmpfs", str(folder)]
        self.isReal = os.geteuid() == 0 and subprocess.run(["mount", *options], capture_output=True).returncode == 0

    def resize(self, pages: int) -> None:
        """Empty it, and give it so many pages."""
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if self.isReal:
            subprocess.run(["mount", "-o", f"remount,size={pages * PAGE}", str(self.folder)], check=True)

    def grow(self) -> None:
        if self.isReal:
            subprocess.run(["mount", "-o", f"remount,rw,size={1024 * PAGE}", str(self.folder)], check=True)

    def lock(self) -> None:
        """Nobody can write to it, root neither, until it grows."""
        if self.isReal:
            subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True)

    def limit(self, pages: int) -> None:
        """In the job itself."""
        if not self.isReal:
            resource.setrlimit(resource.RLIMIT_FSIZE, (pages * PAGE // 4, resource.RLIM_INFINITY))

    def close(self) -> None:
        if self.isReal:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False)


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(folder)
    try:
        yield disk
    finally:
        disk.close()


def little_memory(megabytes: int) -> None:
    """This process, and each that it starts, may have so much more address space than it has now."""
    now = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    limit = now + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def jumping_clock(seed: str) -> None:
    """From now on ``time.time`` jumps, back and forth, by a second to ten years."""
    draw, real = random.Random(seed), time.time
    offset = 0.0

    def jumping() -> float:
        nonlocal offset
        if draw.random() < 0.2:
            offset = draw.choice(JUMPS)
        return real() + offset

    time.time = jumping
    time.time_ns = lambda: int(jumping() * 1e9)
