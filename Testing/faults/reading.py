"""Gives damaged inputs to the readers, in processes that may die, are watched, and are let use only so much memory."""

from __future__ import annotations

import json
import os
import random
import resource
import select
import shutil
import signal
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from faults.reader_inputs import SHARES, write_inputs
from faults.records import BROKEN, DIED, DONE, SAID, Records

SECONDS = 10.0  # of the processor, for one input
PATIENCE = 120.0  # seconds by the clock, on a computer that may be busy
# Bytes that one input may add to the process. A DICOM element may claim up to 4 GB, for which GDCM makes room at once.
MOST_MEMORY = {"DICOM": 9 << 29}
OTHERS_MEMORY = 1 << 30
ADDRESSES = 6 << 30
A_PROCESS = 250  # inputs


def read_all(folder: Path, seed: int, count: int, again: bool, deadline: float) -> None:
    """Each input's end is a line of ``readers.jsonl``; inputs that went wrong are kept in ``broken``."""
    records = Records(folder / "readers.jsonl")
    from faults.reader_calls import prepare

    originals = write_inputs(folder / "sound", folder / "models")
    for reader, share in SHARES.items():
        prepare(reader)
        files = originals[reader]
        waiting = [
            (f"{seed} {reader} {number}", files[number % len(files)])
            for number in range(round(count * share / 100))
            if not records.is_done(f"{seed} {reader} {number}", again)
        ]
        while waiting and time.monotonic() < deadline:
            begun = time.monotonic()
            done = _in_a_process(reader, waiting[:A_PROCESS], folder, records)
            print(
                f"{reader}: {done} inputs in {time.monotonic() - begun:.0f} s, {len(waiting) - done} wait", flush=True
            )
            waiting = waiting[done:]


def _in_a_process(reader: str, inputs: list[tuple[str, Path]], folder: Path, records: Records) -> int:
    """How many inputs were done; the last one may have ended the process."""
    results, child = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(results)
            _read_in_child(reader, inputs, folder, child)
        finally:
            os._exit(0)
    os.close(child)
    with os.fdopen(results, "rb") as lines:
        for number, (key, original) in enumerate(inputs):
            row = _next(lines, pid)
            if row is None:
                records.add(key, reader=reader, kind=original.stem, **_death(reader, pid, folder, key))
                return number + 1
            records.add(key, reader=reader, kind=original.stem, **row)
    os.waitpid(pid, 0)
    return len(inputs)


def _next(lines, pid: int) -> dict | None:
    """The next line; ``None`` if the process has died, or was ended because it used too much of the processor."""
    begun, started = _processor_seconds(pid), time.monotonic()
    while not select.select([lines], [], [], 1.0)[0]:
        if _processor_seconds(pid) - begun > SECONDS or time.monotonic() - started > PATIENCE:
            os.kill(pid, signal.SIGXCPU)
            return None
    line = lines.readline()
    return json.loads(line) if line.endswith(b"\n") else None


def _processor_seconds(pid: int) -> float:
    with suppress(OSError):
        used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _death(reader: str, pid: int, folder: Path, key: str) -> dict:
    from faults.reader_calls import MAY_DIE

    number = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    name = signal.Signals(-number).name if number < 0 else f"exit code {number}"
    wrong = [f"a hang of more than {SECONDS:g} s"] if number == -signal.SIGXCPU else []
    if reader not in MAY_DIE:
        wrong.append(f"the process died: {name}")
    _keep(folder, key)
    return {"outcome": BROKEN if wrong else DIED, "wrong": wrong, "died": name}


def _keep(folder: Path, key: str) -> None:
    target = folder / "broken" / key
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder / "damaged", target)


def _read_in_child(reader: str, inputs: Iterable[tuple[str, Path]], folder: Path, results: int) -> None:
    from faults.reader_calls import CALLS, damaged

    work = folder / "damaged"
    nowhere = os.open(folder / "readers.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    for key, original in inputs:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        path = damaged(original, work, random.Random(key))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begun = time.process_time()
        outcome, wrong = _outcome(CALLS[reader], path)
        seconds = round(time.process_time() - begun, 2)
        if (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 > MOST_MEMORY.get(
            reader, OTHERS_MEMORY
        ):
            wrong.append("too much memory")
        if seconds > SECONDS:
            wrong.append(f"took {seconds} s")
        if wrong:
            _keep(folder, key)
        row = {"outcome": BROKEN if wrong else outcome, "wrong": wrong, "seconds": seconds}
        os.write(results, json.dumps(row).encode() + b"\n")


def _outcome(call, path: Path) -> tuple[str, list[str]]:
    from resformer_unet.errors import EngineError

    try:
        call(path)
    except EngineError as error:
        said = len(str(error)) > 20 and error.code != "INTERNAL" and "Traceback" not in str(error)
        return SAID, [] if said else [f"no sentence: {error.code} {error}"]
    except BaseException:
        return SAID, [traceback.format_exc()[-1500:]]
    return DONE, []
