"""Worker processes that a test leaves behind. Sees them on Linux only; elsewhere there are none to see."""

import os
import signal
import time
from pathlib import Path


def workers() -> dict[int, str]:
    """Process id and command of the living child processes that run a worker or a program of the engine."""
    found = {}
    for listing in Path("/proc/self/task").glob("*/children"):
        for pid in map(int, listing.read_text().split()):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # A zombie has no command. Python's own server for processes of a cluster's test ends with the tests.
            isEngine = "worker" in command or "resformer_unet/__main__.py" in command
            if isEngine and "multiprocessing.forkserver" not in command:
                found[pid] = command.strip()
    return found


def quitWithoutOrphans(bed, patience: float = 5.0) -> list[str]:
    """Tells scripts that the application quits, and returns the commands of the workers that live on regardless.

    They are then killed.
    """
    if not workers():
        return []
    bed.qtApplication.aboutToQuit.emit()
    deadline = time.monotonic() + patience
    while workers() and time.monotonic() < deadline:
        bed.qtApplication.processEvents()
        time.sleep(0.01)
    orphans = workers()
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    return list(orphans.values())
