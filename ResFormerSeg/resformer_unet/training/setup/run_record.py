"""The folder of a training run, and a record of its settings, so that it is not resumed with others."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text
from resformer_unet.errors import EngineError

RECORD = "run.json"
MAY_DIFFER = {("training", "date"), ("training", "device")}  # another day, another machine


def begin_run(output: Path, work: Path, descriptor: dict) -> Path | None:
    """Create the run's folder before the training, so that an output that cannot be written is found at once.

    Returns:
        Where an earlier run's folder with checkpoints has been moved to, ``None`` without one.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE, DISK_FULL.
    """
    earlier = None
    try:
        if output.exists() and not output.is_dir():
            raise FileExistsError(17, "there is a file of that name")
        if any(work.glob("*.ckpt")):
            names = (work.with_name(f"{work.name}.{number}") for number in itertools.count(1))
            earlier = work.rename(next(name for name in names if not name.exists()))
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            "OUTPUT_NOT_WRITABLE",
            f"The model cannot be written to “{output}” ({error.strerror}).",
            "Choose a folder in which you may write.",
        ) from None
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
