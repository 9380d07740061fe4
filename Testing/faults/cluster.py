"""Faults for `resformer-unet predict --cluster`, with a scheduler and two workers on this machine."""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faults import checks, moments
from faults.children import Child, members, start_clean
from faults.command_line import results_of, write_images
from faults.damage import damage
from faults.plan import Fault
from faults.records import DIED, DONE, SAID
from faults.surroundings import SmallDisk

KINDS = {
    "worker: SIGKILL": 5, "worker: SIGSEGV": 3, "worker: SIGSTOP, SIGCONT": 2, "both workers: SIGKILL": 1,
    "client: SIGKILL": 3, "client: Ctrl-C": 2, "client: SIGSTOP, SIGCONT": 1, "scheduler: SIGKILL": 1,
    "small disk for the output": 2, "client's disk fails at a step": 2, "damaged image": 3, "damaged model": 2,
    "image goes in mid-run": 1,
}  # fmt: skip
_SIGNALS = {
    "SIGKILL": signal.SIGKILL, "SIGSEGV": signal.SIGSEGV, "SIGSTOP, SIGCONT": signal.SIGSTOP, "Ctrl-C": signal.SIGINT,
}  # fmt: skip
# The scheduler and the nannies of the workers live in this program; its workers have each a process of its own.
PROGRAM = """
import json, sys
import distributed
if __name__ == "__main__":
    context = distributed.utils.get_mp_context()
    context.set_forkserver_preload(["distributed", "resformer_unet.batch.cluster.worker",
                                    "resformer_unet.inference.backends.onnx_runtime"])
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50,
                                  local_directory=sys.argv[1]) as cluster:
        print(cluster.scheduler_address, flush=True)
        for line in sys.stdin:
            print(json.dumps([nanny.pid for nanny in cluster.workers.values()]), flush=True)
"""


class Cluster:
    def __init__(self, folder: Path, models: Path, disk: SmallDisk) -> None:
        self.folder, self.disk, self.model = folder, disk, models / "grey"
        self.images, self._temporary, self._log = folder / "images", folder / "temporary", folder / "log"
        self._program: subprocess.Popen | None = None
        self._address = ""

    def __enter__(self) -> Cluster:
        if not self.images.exists():
            write_images(self.images)
        import distributed  # noqa: F401  each child has it then

        from resformer_unet.batch import summary_csv  # noqa: F401
        from resformer_unet.cardiac import patient_diagnosis  # noqa: F401

        self._open()
        counted, output = self.folder / "counted", self.folder / "undisturbed"
        for _warm in range(2):
            shutil.rmtree(output, ignore_errors=True)
            begun = time.monotonic()

            child = self._start(moments.counted(functools.partial(self._main, output), counted))
            assert child.wait() == 0, child.errors
            self.seconds = time.monotonic() - begun
        self.writings = int(counted.read_text().split()[1])
        self.expected, self.inputs = results_of(output), checks.content(self.images)
        return self

    def __exit__(self, *exception) -> None:
        self._close()

    def _open(self) -> None:
        self._close()
        program, dask = self.folder / "program.py", self.folder / "dask"
        program.write_text(PROGRAM)
        dask.mkdir(exist_ok=True)
        environment = os.environ | {"DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver"}
        self._program = subprocess.Popen(
            [sys.executable, str(program), str(dask)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(self.folder / "program.err").open("wb"), env=environment, start_new_session=True,
        )  # fmt: skip
        self._address = self._program.stdout.readline().decode().strip()
        assert self._address, (self.folder / "program.err").read_text("utf-8", "replace")

    def _close(self) -> None:
        if self._program is None:
            return
        program, self._program = self._program, None
        with suppress(OSError):
            program.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            program.wait(30)
        for pid in members(program.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        program.wait()
        program.stdout.close()

    def _workers(self) -> list[int]:
        self._program.stdin.write(b"\n")
        self._program.stdin.flush()
        return [pid for pid in json.loads(self._program.stdout.readline()) if pid]

    def _main(self, output: Path, images: Path | None = None, model: Path | None = None, *more: str) -> int:
        from resformer_unet.cli.main import main

        os.environ["TMPDIR"] = str(self._temporary)
        return main(
            ["predict", str(images or self.images), "--model", str(model or self.model), "--output", str(output),
             "--device", "cpu", "--probability-maps", "--cluster", self._address, *more]
        )  # fmt: skip

    def _start(self, work: Callable[[], int]) -> Child:
        return start_clean(work, self._log, self._temporary)

    def run(self, fault: Fault) -> tuple[str, list[str]]:
        draw = fault.random()
        output = self.folder / "output"
        shutil.rmtree(output, ignore_errors=True)
        who, _, what = fault.kind.partition(": ")
        if what in _SIGNALS:
            return self._signal(who, _SIGNALS[what], draw, output)
        method = fault.kind.replace("'s", "s").replace(" ", "_").replace("-", "_")
        return getattr(self, f"_{method}")(draw, output)

    def _signal(self, who: str, number: signal.Signals, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        workers = self._workers()
        child = self._start(functools.partial(self._main, output))
        time.sleep(self.seconds * draw.random())
        if who == "client":
            struck = [child.pid]
        elif who == "scheduler":
            struck = list(members(self._program.pid))
        else:
            struck = workers if who.startswith("both") else [draw.choice(workers)] if workers else []
        for pid in struck:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if number == signal.SIGSTOP:
            time.sleep(0.5)
            for pid in struck:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        code = child.wait()
        if who == "scheduler":
            ends = {0, 1}
        elif who != "client":
            ends = {0}
        else:
            ends = {0, 130} if number == signal.SIGINT else {0, -number} if number != signal.SIGSTOP else {0}
        wrong = self._after(child, code, ends, output, who == "scheduler")
        if who == "scheduler":
            self._open()
        outcome = DONE if code == 0 else DIED if code < 0 else SAID
        return outcome, wrong + self._next_run(output, after_death=code < 0)

    def _small_disk_for_the_output(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        output = self.disk.folder / "output"
        self.disk.resize(draw.randrange(2, 24) if self.disk.isReal else 1024)
        child = self._start(functools.partial(self._main, output))
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        self.disk.grow()
        return (DONE if code == 0 else SAID), wrong + self._next_run(output)

    def _clients_disk_fails_at_a_step(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        place, error = draw.randrange(self.writings), draw.choice(list(moments.DISK_ERRORS.values()))

        def work() -> int:
            moments.fail_from(place, error)
            return self._main(output)

        child = self._start(work)
        code = child.wait()
        wrong = self._after(child, code, {0, 1}, output)
        return (DONE if code == 0 else SAID), wrong + self._next_run(output)

    def _damaged_image(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        images = self._copy(self.images)
        damage(draw.choice(sorted(path for path in images.rglob("*") if path.is_file())), draw)
        child = self._start(functools.partial(self._main, output, images))
        code = child.wait()
        return (DONE if code == 0 else SAID), self._after(child, code, {0, 1}, output)

    def _damaged_model(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        model = self._copy(self.model)
        name = draw.choice(("weights.safetensors", "network.onnx", "model.json"))
        damage(model / name, draw)
        child = self._start(functools.partial(self._main, output, None, model))
        code = child.wait()
        return (DONE if code == 0 else SAID), self._after(child, code, {0, 1}, output)

    def _image_goes_in_mid_run(self, draw: random.Random, output: Path) -> tuple[str, list[str]]:
        images = self._copy(self.images)
        gone = draw.choice(sorted(path for path in images.rglob("*") if path.is_file()))
        child = self._start(functools.partial(self._main, output, images))
        time.sleep(self.seconds * draw.random())
        gone.unlink()
        code = child.wait()
        return (DONE if code == 0 else SAID), self._after(child, code, {0, 1}, output)

    def _copy(self, folder: Path) -> Path:
        copy = self.folder / f"copy of {folder.name}"
        shutil.rmtree(copy, ignore_errors=True)
        return shutil.copytree(folder, copy)

    def _after(self, child: Child, code: int, ends: set[int], output: Path, lost: bool = False) -> list[str]:
        wrong = checks.sentences(child, code, ends) + checks.nothing_lives(child)
        # Where the client was killed or stopped, or the scheduler, workers may still be writing the case under way.
        wrong += checks.results(output, after_death=code < 0 or code == 130 or lost)
        return wrong + checks.same(checks.content(self.images), self.inputs, "inputs")

    def _next_run(self, output: Path, after_death: bool = False) -> list[str]:
        """The mark of a killed job counts as that of a living one for some minutes: here it has grown old."""
        if after_death and output.is_dir():
            time.sleep(self.seconds)  # its workers end the case under way
            for mark in output.glob(".*.job"):
                os.utime(mark, (1, 1))
        child = self._start(functools.partial(self._main, output, None, None, "--resume"))
        code = child.wait()
        wrong = checks.sentences(child, code, {0}) + checks.nothing_lives(child) + checks.results(output)
        return [f"next run: {what}" for what in wrong + checks.same(results_of(output), self.expected, "results")]
