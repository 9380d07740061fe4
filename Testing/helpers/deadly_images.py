"""Loaded by the workers of a test's cluster: cases of certain names kill the worker that writes them.

``deadly…`` does it each time, ``once…`` the first time. The worker dies between a segmentation's bytes and its name.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.batch import case_files


def deadly_write(path: Path, text: str) -> None:
    died = path.parent.with_name(f"{path.stem}.died")
    if path.name.startswith("deadly") or (path.name.startswith("once") and not died.exists()):
        died.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    atomic_write_text(path, text)


case_files.atomic_write_text = deadly_write
