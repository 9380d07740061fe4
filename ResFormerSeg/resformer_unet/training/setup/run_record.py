"""A record of a training run's settings and data, so that it is not resumed with others."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from resformer_unet.atomic_files import atomic_write_text, writing_errors
from resformer_unet.errors import EngineError
from resformer_unet.training.setup.run_folder import LOCK

RECORD = "run.json"
DATA, PRECISION = "data_sha256", "precision"  # entries beside those of the descriptor; earlier versions wrote none
AUTO = "auto"  # precision: what the device computes fast
MAY_DIFFER = {("training", "date"), ("training", "device")}  # another day, another machine


def begin_run(work: Path, descriptor: dict, data: str | None = None, precision: str | None = None) -> Path | None:
    """Write the record of a new run, with :func:`.running` held.

    The files of an earlier run that has checkpoints are moved aside. The folder itself and its lock stay where they
    are, so that the lock goes on keeping other programs out.

    Args:
        data: of :func:`.dataset_digest`.
        precision: as asked for, see :func:`.train`.

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
    record = {**descriptor, PRECISION: precision or AUTO, **({} if data is None else {DATA: data})}
    atomic_write_text(work / RECORD, json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    return earlier


def check_record(work: Path, descriptor: dict, data: str | None = None, precision: str | None = None) -> None:
    """Check that a run may be resumed with these settings and data.

    Args:
        data: of :func:`.dataset_digest`; ``None``, here or in the record, leaves the data unchecked.
        precision: as asked for.

    Raises:
        EngineError: NOTHING_TO_RESUME without a record, RUN_DIFFERS naming the settings that differ, or the data.
    """
    try:
        recorded = json.loads((work / RECORD).read_text(encoding="utf-8"))
        recorded_data, recorded_precision = recorded.pop(DATA, None), recorded.pop(PRECISION, None)
    except (OSError, ValueError, AttributeError, TypeError):
        raise EngineError(
            "NOTHING_TO_RESUME", f"{work} holds no interrupted training.", "Start without --resume."
        ) from None
    now = json.loads(json.dumps(descriptor))
    differing = sorted({".".join(path) for path in _differences(recorded, now) if path not in MAY_DIFFER})
    if recorded_precision not in (None, precision or AUTO):
        differing.insert(0, PRECISION)
    if differing:
        raise EngineError(
            "RUN_DIFFERS",
            f"The interrupted training was started with other settings: {', '.join(differing[:4])}.",
            "Give the same settings as before, or start without --resume.",
        )
    if None not in (data, recorded_data) and data != recorded_data:
        raise EngineError(
            "RUN_DIFFERS",
            "The data set has changed since the interrupted training began: cases, splits, groups, labels, images or "
            "masks. What was trained on might now be tested on.",
            "Restore the data set as it was, or start without --resume.",
        )


def _differences(first: object, second: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if isinstance(first, dict) and isinstance(second, dict):
        keys = first.keys() | second.keys()
        return [found for key in keys for found in _differences(first.get(key), second.get(key), (*path, key))]
    return [] if first == second else [path]
