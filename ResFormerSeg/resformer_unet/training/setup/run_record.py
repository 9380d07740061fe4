"""A record of a training run's settings, so that it is not resumed with others."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text, writing_errors
from resformer_unet.errors import EngineError
from resformer_unet.training.setup.run_folder import LOCK

RECORD = "run.json"
MAY_DIFFER = {("training", "date"), ("training", "device")}  # another day, another machine


def begin_run(work: Path, descriptor: dict) -> Path | None:
    """Write the record of a new run, with :func:`.running` held.

    The files of an earlier run that has checkpoints are moved aside. The folder itself and its lock stay where they
    are, so that the lock goes on keeping other programs out.

    Returns:
        Where they have been moved to, ``None`` without such a run.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    earlier = None
    with writing_errors(work):
        if any(work.glob("*.ckpt")):
            names = (work.with_name(f"{work.name}.{number}") for number in itertools.count(1))
            earlier = next(name for name in names if not name.exists())
            earlier.mkdir()
            # The checkpoints last: while one is left, a move that was interrupted is completed by the next training.
            for entry in sorted(work.iterdir(), key=lambda entry: entry.suffix == ".ckpt"):
                if entry.name != LOCK:
                    entry.rename(earlier / entry.name)
    atomic_write_text(work / RECORD, json.dumps(descriptor, indent=2, ensure_ascii=False) + "\n")
    return earlier


def check_record(work: Path, descriptor: dict) -> None:
    """Raises ``EngineError``: NOTHING_TO_RESUME without a record, RUN_DIFFERS naming the settings that differ."""
    try:
        recorded = json.loads((work / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EngineError(
            "NOTHING_TO_RESUME", f"{work} holds no interrupted training.", "Start without --resume."
        ) from None
    now = json.loads(json.dumps(descriptor))
    differing = sorted({".".join(path) for path in _differences(recorded, now) if path not in MAY_DIFFER})
    if differing:
        raise EngineError(
            "RUN_DIFFERS",
            f"The interrupted training was started with other settings: {', '.join(differing[:4])}.",
            "Give the same settings as before, or start without --resume.",
        )


def _differences(first: object, second: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(first, dict) and isinstance(second, dict):
        keys = first.keys() | second.keys()
        return [found for key in keys for found in _differences(first.get(key), second.get(key), (*path, key))]
    return [] if first == second else [path]
